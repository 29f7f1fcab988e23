// NAMESPACE (RFC 2342): the prefix that the user's own folders have on servers such as Courier ("INBOX."), so that the
// configuration need not write it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "connectors/imap/client/session.h"

namespace mailstead::imap {

struct PersonalNamespace {
  std::string prefix;     // UTF-8, with the delimiter at its end; often empty
  char delimiter = '\0';  // '\0': none
  bool operator==(const PersonalNamespace&) const = default;
};

// The first personal namespace of a NAMESPACE response's data; nullopt when it cannot be read.
[[nodiscard]] std::optional<PersonalNamespace> decode_namespace(std::string_view rest, bool utf8);

// Asks; an empty prefix where the server refuses. One round trip.
[[nodiscard]] PersonalNamespace ask_namespace(Session& session);

}  // namespace mailstead::imap
