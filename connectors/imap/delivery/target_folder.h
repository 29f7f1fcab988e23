// Which folder on the server is meant by a name of the configuration or of a rule, and making it where it is missing.
//
// Levels are separated by '/' whatever the server's delimiter; the delimiter within a level becomes "_". A name without
// '/' is taken as the server writes it. The prefix of the user's own folders (NAMESPACE, RFC 2342: "INBOX." at Courier)
// need not be written. "\\Junk" is the folder with that special use (RFC 6154), however it is called there.
#pragma once

#include <optional>
#include <string>
#include <variant>

#include "connectors/destination.h"
#include "connectors/imap/delivery/connection.h"

namespace mailstead::imap {

struct TargetFolder {
  std::string name;  // UTF-8, as the server calls it
  std::string wire;
  std::string use;  // "\\Junk" where a special use was asked for
};

inline constexpr std::size_t kMaxFolderName = 1000;  // octets

// A name that the wire can carry, free of empty levels; nullopt for one that cannot be: controls, no UTF-8, too long.
[[nodiscard]] std::optional<std::string> usable_name(std::string_view name);
// The name on this server; pure. `delimiter` '\0': no levels there.
[[nodiscard]] std::string name_on_server(std::string_view name, const PersonalNamespace& own);

// Asks the server what is not known yet: at most two round trips for a connection. A reply when there can be no such
// folder.
[[nodiscard]] std::variant<TargetFolder, delivery::Reply> find_target(Connection& connection, const std::string& name);

// CREATE and SUBSCRIBE. nullopt: it is there now.
[[nodiscard]] std::optional<delivery::Reply> create_target(Connection& connection, const TargetFolder& target);

}  // namespace mailstead::imap
