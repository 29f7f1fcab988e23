// Every limit on what a peer or a message may make us do, with its name and where the number comes from.
#pragma once

#include <cstddef>
#include <cstdint>

namespace mailstead::mail {

using ByteCount = std::uint64_t;

constexpr ByteCount operator""_KiB(unsigned long long n) {
  return n << 10U;
}
constexpr ByteCount operator""_MiB(unsigned long long n) {
  return n << 20U;
}

// Header and MIME parsing. Beyond a limit the rest is treated as opaque octets of the enclosing part.
struct ParseLimits {
  std::size_t mime_depth = 100;          // Dovecot, Postfix mime_nesting_limit
  std::size_t mime_parts = 10'000;       // Dovecot
  std::size_t boundary_length = 2048;    // Postfix
  std::size_t rfc2231_parameters = 128;  // Dovecot
  ByteCount header_bytes = 10_MiB;       // one header block; Dovecot
  ByteCount all_header_bytes = 50_MiB;   // over all parts; Dovecot
  std::size_t header_fields = 100'000;   // one header block
  std::size_t addresses = 500'000;       // in one address list
  std::size_t address_nesting = 100;     // comments
};

inline constexpr std::size_t kMaxHops = 50;                     // Received fields; Postfix hopcount_limit
inline constexpr std::size_t kMaxRemoteText = 1024;             // a remote's words kept with a delivery or an error
inline constexpr ByteCount kDefaultMaxMessageBytes = 1024_MiB;  // beyond it a message is not fetched at all

// Session limits, both directions.
inline constexpr std::size_t kMaxReplyLine = 64_KiB;           // IMAP/POP3/SMTP line from a server
inline constexpr std::size_t kMaxCommandLine = 64_KiB;         // IMAP line from a signed-in client; Dovecot
inline constexpr std::size_t kMaxLoginLine = 8192;             // before sign-in; Dovecot IMAP_LOGIN_MAX_LINE_LENGTH
inline constexpr std::size_t kMaxListDepth = 100;              // parentheses
inline constexpr std::size_t kMaxUntaggedPerCommand = 10'000;  // that carry no progress of the command in hand
inline constexpr std::size_t kMaxSaslMessage = 12'288;         // RFC 4954 §4
inline constexpr std::size_t kMaxUidl = 1024;                  // RFC 1939 says 70; longer ids are kept whole up to this

}  // namespace mailstead::mail
