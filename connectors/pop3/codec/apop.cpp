#include "connectors/pop3/codec/apop.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <memory>

#include "mail/failure.h"

namespace mailstead::pop3 {
namespace {

constexpr std::size_t kMaxChallenge = 512;  // a greeting is one reply line (RFC 1939 §3)

bool is_message_id_character(char c) noexcept {
  return c > ' ' && c < 0x7F && c != '<' && c != '>' && c != '@' && c != '(' && c != ')' && c != ',' && c != ';' &&
         c != '\\' && c != '"';
}
bool is_message_id_side(std::string_view text) noexcept {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_message_id_character);
}

}  // namespace

std::optional<std::string_view> apop_challenge(std::string_view greeting) noexcept {
  std::size_t begin = greeting.find('<');
  if (begin == std::string_view::npos) return std::nullopt;
  std::size_t end = greeting.find('>', begin);
  if (end == std::string_view::npos || end - begin > kMaxChallenge) return std::nullopt;
  std::string_view inner = greeting.substr(begin + 1, end - begin - 1);
  std::size_t at = inner.find('@');
  if (at == std::string_view::npos) return std::nullopt;
  if (!is_message_id_side(inner.substr(0, at)) || !is_message_id_side(inner.substr(at + 1))) return std::nullopt;
  return greeting.substr(begin, end - begin + 1);
}

std::string apop_digest(std::string_view challenge, std::string_view password) {
  std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned length = 0;
  bool done = context && EVP_DigestInit_ex(context.get(), EVP_md5(), nullptr) == 1 &&
              EVP_DigestUpdate(context.get(), challenge.data(), challenge.size()) == 1 &&
              EVP_DigestUpdate(context.get(), password.data(), password.size()) == 1 &&
              EVP_DigestFinal_ex(context.get(), digest.data(), &length) == 1;
  if (!done) {
    throw mail::Failure(mail::FailureKind::kConfiguration, mail::FailureScope::kAccount,
                        "APOP needs MD5, which this system's OpenSSL refuses: choose another auth");
  }
  constexpr char kHex[] = "0123456789abcdef";
  std::string text;
  for (unsigned i = 0; i < length; ++i) {
    text.push_back(kHex[digest.at(i) >> 4U]);
    text.push_back(kHex[digest.at(i) & 15U]);
  }
  return text;
}

}  // namespace mailstead::pop3
