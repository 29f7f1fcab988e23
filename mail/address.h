// Address lists (RFC 5322 §3.4 with groups, comments and the obsolete forms of §4.4; RFC 6532 for UTF-8).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "mail/limits.h"

namespace mailstead::mail {

// A mailbox, or the mark that begins or ends a group (as RFC 3501 ENVELOPE does: begin has the name in `local`, end is
// empty).
struct Address {
  enum class Kind { kMailbox, kGroupBegin, kGroupEnd };
  Kind kind = Kind::kMailbox;
  std::string name;    // raw display name, quotes and comments resolved, RFC 2047 words as they stand
  std::string route;   // obsolete source route "@a,@b", usually empty
  std::string local;   // quotes resolved
  std::string domain;  // as written; empty when there was none

  [[nodiscard]] std::string addr_spec() const;  // local@domain, quoted where needed; "local" without domain
  bool operator==(const Address&) const = default;
};

// Linear time; never throws on input: what cannot be read is skipped up to the next comma.
[[nodiscard]] std::vector<Address> parse_addresses(std::string_view raw_value, const ParseLimits& limits = {});

// One bare addr-spec or <addr-spec> for use as envelope address: nullopt unless it is exactly one mailbox without
// control characters, local part ≤ 64 octets and domain ≤ 255 (RFC 5321 §4.5.3.1).
[[nodiscard]] bool is_envelope_address(std::string_view addr_spec) noexcept;

// The same for a local part alone (LMTP and pipes know users without a domain): dot-atom or quoted string.
[[nodiscard]] bool is_envelope_local_part(std::string_view local) noexcept;

// As it may stand in a header field: display name encoded (RFC 2047) or quoted where needed, source routes dropped.
[[nodiscard]] std::string format_address(const Address& address);
[[nodiscard]] std::string format_addresses(const std::vector<Address>& list);  // with groups; ", " between

// RFC 2047-decoded display name, always valid UTF-8.
[[nodiscard]] std::string decoded_name(const Address& address);

}  // namespace mailstead::mail
