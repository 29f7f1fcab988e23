// The Sender Rewriting Scheme: a message that is sent on gets an envelope sender of our own domain, so that SPF judges
// us and not the first sender; the address carries the first sender, signed, so that a bounce finds its way back.
//
//   alice@first.example               SRS0=HASH=TT=first.example=alice@us.example
//   SRS0=h=tt=first.example=alice@hop SRS1=HASH=hop==h=tt=first.example=alice@us.example
//
// HASH: six characters of base32 of an HMAC-SHA-256 over the kind and what follows; TT: the day, modulo 1024, in
// base32. Neither minds its case.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "mail/clock.h"
#include "mail/secret.h"

namespace mailstead::mail {

inline constexpr int kSrsDays = 21;  // how long a bounce may take

// Thread-safe.
class Srs {
 public:
  Srs(Secret secret, std::string domain) : secret_(std::move(secret)), domain_(std::move(domain)) {}

  // The null sender, senders of our own domain and what is no address stay as they are.
  [[nodiscard]] std::string forward(const std::string& sender, WallTime now) const;
  // To whom a bounce to `address` belongs: the first sender, or (SRS1) the forwarder before us. nullopt: it is not of
  // our making, not of the last kSrsDays, or of another domain.
  [[nodiscard]] std::optional<std::string> reverse(std::string_view address, WallTime now) const;

 private:
  [[nodiscard]] std::string hash_of(char kind, std::string_view signed_part) const;
  [[nodiscard]] bool is_signed(std::string_view hash, char kind, std::string_view signed_part) const;
  [[nodiscard]] std::optional<std::string> reverse_first(std::string_view rest, WallTime now) const;
  [[nodiscard]] std::optional<std::string> reverse_later(std::string_view rest) const;

  Secret secret_;
  std::string domain_;
};

// Whether a local part has the form of SRS, of whose making ever. Such a one may be longer than other local parts.
[[nodiscard]] bool has_srs_form(std::string_view local) noexcept;

}  // namespace mailstead::mail
