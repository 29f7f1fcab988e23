// What lies on the server: UIDL, LIST, and an identity for each message that a ledger can be asked about.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "connectors/pop3/client/connection.h"
#include "connectors/pop3/codec/capabilities.h"
#include "mail/limits.h"

namespace mailstead::pop3 {

struct ListedMessage {
  std::uint32_t number = 0;
  bool known = false;    // in the ledger: retrieved or skipped before
  bool refused = false;  // cannot be identified: left alone
  // The UIDL. Where that does not tell messages apart (none, empty, control characters, given to two messages) or the
  // server has no UIDL: "hash:" and the SHA-256 of the header, "#2" … behind it when two are alike.
  std::string identity;
  std::optional<mail::ByteCount> size;  // by LIST: a hint
};

struct Maildrop {
  std::vector<ListedMessage> messages;  // ascending numbers
  bool complete = true;                 // every message has its identity: what is missing here is gone
  std::vector<std::string> warnings;    // printable
};

inline constexpr std::size_t kMaxListedMessages = 1'000'000;

// Lists the maildrop. `known` is the ledger's set. Sizes are asked for in the same breath where that is cheap, else by
// ask_sizes(). Memory: one entry and one identity per message. Throws kProtocol when two lines claim one number.
[[nodiscard]] Maildrop list_maildrop(Connection& connection, const Capabilities& capabilities,
                                     const std::unordered_set<std::string>& known);

// Fills in the sizes of those that are new and have none yet. A server that refuses LIST leaves them out.
void ask_sizes(Connection& connection, bool pipelining, Maildrop& maildrop);

// The STAT reply. Throws kProtocol for what is no number.
struct MaildropTotals {
  std::uint64_t messages = 0;
  mail::ByteCount octets = 0;
};
[[nodiscard]] MaildropTotals ask_totals(Connection& connection);

}  // namespace mailstead::pop3
