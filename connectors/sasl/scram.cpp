#include "connectors/sasl/scram.h"

#include <openssl/crypto.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <array>

#include "mail/failure.h"
#include "mail/transfer_encoding.h"

namespace mailstead::sasl {
namespace {

constexpr std::size_t kNonceOctets = 18;

[[noreturn]] void fail() {
  throw mail::Failure(mail::FailureKind::kTemporary, mail::FailureScope::kProcess, "OpenSSL cannot compute keys");
}

const unsigned char* octets(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

}  // namespace

std::size_t ScramHash::size() const {
  return static_cast<std::size_t>(EVP_MD_get_size(digest_));
}

std::string ScramHash::hash(std::string_view text) const {
  std::array<unsigned char, EVP_MAX_MD_SIZE> result;
  unsigned size = 0;
  if (EVP_Digest(text.data(), text.size(), result.data(), &size, digest_, nullptr) != 1) fail();
  return {reinterpret_cast<const char*>(result.data()), size};
}

std::string ScramHash::hmac(std::string_view key, std::string_view text) const {
  std::array<unsigned char, EVP_MAX_MD_SIZE> result;
  unsigned size = 0;
  if (HMAC(digest_, key.data(), static_cast<int>(key.size()), octets(text), text.size(), result.data(), &size) ==
      nullptr)
    fail();
  return {reinterpret_cast<const char*>(result.data()), size};
}

mail::Secret ScramHash::salted_password(std::string_view password, std::string_view salt, unsigned iterations) const {
  std::array<unsigned char, EVP_MAX_MD_SIZE> salted;
  if (PKCS5_PBKDF2_HMAC(password.data(), static_cast<int>(password.size()), octets(salt), static_cast<int>(salt.size()),
                        static_cast<int>(iterations), digest_, static_cast<int>(size()), salted.data()) != 1)
    fail();
  mail::Secret result(std::string(reinterpret_cast<const char*>(salted.data()), size()));
  OPENSSL_cleanse(salted.data(), salted.size());
  return result;
}

std::string random_octets(std::size_t count) {
  std::string result(count, '\0');
  if (RAND_bytes(reinterpret_cast<unsigned char*>(result.data()), static_cast<int>(count)) != 1) fail();
  return result;
}

std::string new_nonce() {
  return mail::encode_base64(random_octets(kNonceOctets));
}

std::string exclusive_or(std::string_view a, std::string_view b) {
  std::string result(a);
  for (std::size_t i = 0; i < result.size(); ++i) result[i] = static_cast<char>(result[i] ^ b[i]);
  return result;
}

}  // namespace mailstead::sasl
