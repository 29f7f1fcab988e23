// A server's certificate that nobody but itself vouches for: clients are told to trust it once, by its fingerprint.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "mail/clock.h"
#include "mail/secret.h"

namespace mailstead::net {

// Certificate and key (ECDSA, P-256) as PEM, one behind the other. `names` are host names and IP addresses; the first
// is the subject. Throws Failure(kTemporary, kProcess) when OpenSSL cannot.
[[nodiscard]] mail::Secret make_self_signed(const std::vector<std::string>& names, mail::WallTime from,
                                            mail::WallTime until);

struct CertificateNames {
  std::vector<std::string> names;  // host names and IP addresses, as make_self_signed() takes them
  mail::WallTime until;
  std::string fingerprint;  // SHA-256, lower-case hex
};
// Of the first certificate in a PEM file; nullopt when there is none that can be read.
[[nodiscard]] std::optional<CertificateNames> read_certificate(const std::string& file);

}  // namespace mailstead::net
