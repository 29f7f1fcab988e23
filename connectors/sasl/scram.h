// What both sides of SCRAM compute (RFC 5802 §3, RFC 7677), on OpenSSL's digests. Internal to connectors/sasl.
#pragma once

#include <openssl/evp.h>

#include <cstddef>
#include <string>
#include <string_view>

#include "mail/secret.h"

namespace mailstead::sasl {

// RFC 7677 §4 asks for at least 4096; above a million a peer burns our processor, not its attacker's.
inline constexpr unsigned kMinIterations = 4096;
inline constexpr unsigned kMaxIterations = 1'000'000;
inline constexpr std::size_t kMaxScramNonce = 1024;
inline constexpr std::string_view kPlus = "-PLUS";

// Its calls throw Failure(kTemporary, kProcess) when OpenSSL cannot compute.
class ScramHash {
 public:
  [[nodiscard]] static ScramHash sha1() { return ScramHash(EVP_sha1()); }
  [[nodiscard]] static ScramHash sha256() { return ScramHash(EVP_sha256()); }
  // Of a mechanism's name, with or without -PLUS.
  [[nodiscard]] static ScramHash of(std::string_view mechanism) {
    return mechanism.starts_with("SCRAM-SHA-256") ? sha256() : sha1();
  }

  [[nodiscard]] std::size_t size() const;
  [[nodiscard]] std::string hash(std::string_view text) const;
  [[nodiscard]] std::string hmac(std::string_view key, std::string_view text) const;
  // `password` is prepared already. Takes as long as the iterations want it to.
  [[nodiscard]] mail::Secret salted_password(std::string_view password, std::string_view salt,
                                             unsigned iterations) const;

 private:
  explicit ScramHash(const EVP_MD* digest) noexcept : digest_(digest) {}
  const EVP_MD* digest_;
};

[[nodiscard]] std::string random_octets(std::size_t count);
// Printable, without comma.
[[nodiscard]] std::string new_nonce();
// Of two texts of one size.
[[nodiscard]] std::string exclusive_or(std::string_view a, std::string_view b);

}  // namespace mailstead::sasl
