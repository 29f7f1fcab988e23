// One signed-in connection that messages are delivered over, and what was learnt of its server meanwhile.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "connectors/imap/client/account_memory.h"
#include "connectors/imap/client/folder.h"
#include "connectors/imap/client/session.h"
#include "connectors/imap/client/sign_in.h"
#include "connectors/imap/delivery/imap_destination.h"

namespace mailstead::imap {

// What PERMANENTFLAGS said of a folder (RFC 3501 §7.1); nullopt: nothing, and all may be kept.
using PermanentFlags = std::optional<std::vector<std::string>>;

// The folder that is selected; `wire` "" when none is.
struct Selected {
  std::string wire;
  bool writable = false;
};

struct Connection {
  Connection(std::unique_ptr<net::Stream> stream, const net::Timeouts& timeouts);

  AccountMemory memory;  // outlives the session
  Session session;
  SignedIn signed_in;
  Selected selected;
  std::map<std::string, PermanentFlags> permanent_flags;  // by wire name, of folders that were selected for writing
  std::set<std::string> there;                            // wire names of folders that are known to be there
  std::optional<std::vector<Folder>> listed;              // all folders, where a special use was asked for
  std::size_t messages = 0;                               // that were sent over it
};

// Connects, signs in, and enables UTF8=ACCEPT where it is offered (RFC 6855). Throws Failure.
[[nodiscard]] std::unique_ptr<Connection> open_connection(const ImapDestinationSettings& settings,
                                                          const DeliveryDialer& dialer, const std::stop_token& stop);

// Whether a kept connection still lives: a server that has said nothing since is believed to. No round trip but where
// it has. Throws only kCancelled.
[[nodiscard]] bool still_lives(Connection& connection);

// Opens a folder; the answer says how it went. Nothing is sent where it is open as wanted.
[[nodiscard]] Completion select_folder(Connection& connection, const std::string& wire, bool writable);

// LOGOUT, within two seconds; never throws.
void take_leave(Connection& connection) noexcept;

}  // namespace mailstead::imap
