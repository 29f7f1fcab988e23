// What lies on the server: UIDL, LIST, and an identity for each message that a ledger can be asked about.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/pop3/client/connection.h"
#include "connectors/pop3/client/names.h"
#include "connectors/pop3/client/sign_in.h"
#include "mail/limits.h"
#include "storage/ledger.h"

namespace mailstead::pop3 {

struct ListedMessage {
  std::uint32_t number = 0;
  bool known = false;    // in the ledger: retrieved or skipped before
  bool refused = false;  // cannot be identified: left alone
  bool left = false;     // for another poll
  // The UIDL. Where that does not tell messages apart (none, empty, control characters, given to two messages) or the
  // server has no UIDL: "hash:" and the SHA-256 of the header, "#2" … behind it when two are alike. A view into
  // Maildrop::names.
  std::string_view identity;
  std::optional<mail::ByteCount> size;  // by LIST: a hint
};

struct Maildrop {
  Names names;
  std::vector<ListedMessage> messages;  // ascending numbers
  bool complete = true;                 // every message has its identity: what is missing here is gone
  bool sizes_asked = false;             // LIST was asked of all: what has no size gets none
  bool retrieved_for_identity = false;  // by RETR, because the server has no TOP
  std::vector<std::string> warnings;    // printable
  // By compare_with_ledger(): what the ledger has and the server has no more, ascending; how many are in both.
  std::vector<std::string> gone;
  std::size_t present = 0;
};

inline constexpr std::size_t kMaxListedMessages = 1'000'000;
inline constexpr std::size_t kSmallMaildrop = 2000;  // LIST of it costs less than a round trip

// An announced size that no mail system could hold is none: what is received decides.
[[nodiscard]] std::optional<mail::ByteCount> believable(std::optional<mail::ByteCount> announced) noexcept;

// Lists the maildrop, or reads the answers to what was asked along with the sign-in. `expected`: messages in the last
// listing; for up to kSmallMaildrop LIST is asked for in the same breath, and the list is not moved as it grows.
// Memory: one entry and one identity per message. Throws kProtocol when two lines claim one number.
[[nodiscard]] Maildrop list_maildrop(Connection& connection, const Capabilities& capabilities, Asked asked,
                                     std::uint64_t expected);

// Marks what the ledger knows, and finds what is gone. One pass over the ledger in the order of the octets, without a
// copy of it.
void compare_with_ledger(Maildrop& maildrop, const storage::Ledger& ledger, const std::string& account);

// Fills in the sizes of those that are new and have none yet. A server that refuses LIST leaves them out.
void ask_sizes(Connection& connection, bool pipelining, Maildrop& maildrop);

// The STAT reply. Throws kProtocol for what is no number.
struct MaildropTotals {
  std::uint64_t messages = 0;
  mail::ByteCount octets = 0;
};
[[nodiscard]] MaildropTotals ask_totals(Connection& connection);

}  // namespace mailstead::pop3
