#include "mail/digest.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "mail/failure.h"

namespace mailstead::mail {
namespace {

void require(int ok) {
  if (ok != 1) throw Failure(FailureKind::kTemporary, FailureScope::kProcess, "SHA-256 is not available");
}

// Fetched once: an implicit fetch at each start costs more than hashing a short header.
const EVP_MD* algorithm() {
  static const EVP_MD* const kAlgorithm = [] {
    const EVP_MD* fetched = EVP_MD_fetch(nullptr, "SHA256", nullptr);
    return fetched != nullptr ? fetched : EVP_sha256();
  }();
  return kAlgorithm;
}

}  // namespace

struct Sha256Stream::State {
  State() : context(EVP_MD_CTX_new()) { require(context != nullptr ? 1 : 0); }
  ~State() { EVP_MD_CTX_free(context); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  EVP_MD_CTX* context;
};

Sha256Stream::Sha256Stream() : state_(std::make_unique<State>()) {
  require(EVP_DigestInit_ex(state_->context, algorithm(), nullptr));
}
Sha256Stream::~Sha256Stream() = default;
Sha256Stream::Sha256Stream(Sha256Stream&&) noexcept = default;
Sha256Stream& Sha256Stream::operator=(Sha256Stream&&) noexcept = default;

void Sha256Stream::update(std::string_view bytes) {
  require(EVP_DigestUpdate(state_->context, bytes.data(), bytes.size()));
}

Sha256 Sha256Stream::finish() {
  Sha256 digest{};
  unsigned int length = 0;
  require(EVP_DigestFinal_ex(state_->context, digest.data(), &length));
  return digest;
}

Sha256 sha256(std::string_view bytes) {
  Sha256Stream stream;
  stream.update(bytes);
  return stream.finish();
}

struct HmacSha256::State {
  State() : mac(EVP_MAC_fetch(nullptr, "HMAC", nullptr)), context(mac != nullptr ? EVP_MAC_CTX_new(mac) : nullptr) {}
  ~State() {
    EVP_MAC_CTX_free(context);
    EVP_MAC_free(mac);
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  EVP_MAC* mac;
  EVP_MAC_CTX* context;
};

HmacSha256::HmacSha256(std::string_view key) : state_(std::make_unique<State>()) {
  require(state_->context != nullptr ? 1 : 0);
  std::string name("SHA256");
  const std::array<OSSL_PARAM, 2> parameters{
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name.data(), name.size()), OSSL_PARAM_construct_end()};
  // OpenSSL takes a null key for the one before.
  static constexpr unsigned char kEmpty = 0;
  const auto* octets = key.empty() ? &kEmpty : reinterpret_cast<const unsigned char*>(key.data());
  require(EVP_MAC_init(state_->context, octets, key.size(), parameters.data()));
}
HmacSha256::~HmacSha256() = default;
HmacSha256::HmacSha256(HmacSha256&&) noexcept = default;
HmacSha256& HmacSha256::operator=(HmacSha256&&) noexcept = default;

void HmacSha256::update(std::string_view bytes) {
  require(EVP_MAC_update(state_->context, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size()));
}

Sha256 HmacSha256::finish() {
  Sha256 code{};
  std::size_t size = 0;
  require(EVP_MAC_final(state_->context, code.data(), &size, code.size()));
  return code;
}

std::string to_hex(const Sha256& digest) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string hex;
  hex.reserve(digest.size() * 2);
  for (std::uint8_t byte : digest) {
    hex.push_back(kDigits[byte >> 4U]);
    hex.push_back(kDigits[byte & 15U]);
  }
  return hex;
}

}  // namespace mailstead::mail
