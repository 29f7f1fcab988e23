#include "connectors/pop3/client/maildrop.h"

#include <algorithm>

#include "connectors/pop3/client/identity.h"
#include "connectors/pop3/client/identity_order.h"
#include "connectors/pop3/client/refusal.h"
#include "connectors/pop3/codec/listing.h"
#include "connectors/pop3/codec/number.h"
#include "mail/failure.h"

namespace mailstead::pop3 {
namespace {

constexpr std::size_t kMaxUidlLine = mail::kMaxUidl + 16;  // with the message number
constexpr std::size_t kMaxListLine = 512;
constexpr std::size_t kSingleSizes = 100;  // up to so many are asked for one by one

bool by_number(const ListedMessage& a, const ListedMessage& b) {
  return a.number < b.number;
}

// `messages` in ascending order. Both listings are in the same order, as a rule: `next` is where the entry should be.
void set_size(std::vector<ListedMessage>& messages, std::size_t& next, const ListLine& line) {
  if (next >= messages.size() || messages[next].number != line.number) {
    auto found =
        std::lower_bound(messages.begin(), messages.end(), line.number,
                         [](const ListedMessage& message, std::uint32_t number) { return message.number < number; });
    if (found == messages.end() || found->number != line.number) return;
    next = static_cast<std::size_t>(found - messages.begin());
  }
  messages[next++].size = believable(line.size);
}

class Lister {
 public:
  Lister(Connection& connection, const Capabilities& capabilities)
      : connection_(connection), capabilities_(capabilities) {}

  Maildrop run(Asked asked, std::uint64_t expected) {
    constexpr std::uint64_t kNewOnes = 100;
    result_.messages.reserve(std::min<std::uint64_t>(expected + kNewOnes, kMaxListedMessages));
    if (!asked.uidl) {
      asked.list = expected <= kSmallMaildrop && capabilities_.pipelining;
      connection_.send(asked.list ? "UIDL\r\nLIST\r\n" : "UIDL\r\n");
    }
    bool has_uidl = read_uidl();
    if (!has_uidl && !asked.list) connection_.send("LIST\r\n");
    sort_by_number();
    if (asked.list || !has_uidl) read_list(has_uidl);
    if (!has_uidl) sort_by_number();
    if (!has_uidl) result_.warnings.emplace_back("the server has no UIDL: messages are known by their headers");
    find_identities();
    return std::move(result_);
  }

 private:
  bool read_uidl() {
    Reply reply = connection_.read_reply();
    if (reply.kind == ReplyKind::kContinuation) connection_.violate("a continuation instead of an answer to UIDL");
    if (!reply.ok()) {
      if (is_temporary(reply)) throw refusal_failure(connection_.name(), "UIDL", reply);
      return false;
    }
    connection_.read_lines(kMaxUidlLine, kMaxListedMessages,
                           [this](std::string_view line, bool cut) { add_uidl_line(line, cut); });
    return true;
  }

  void add_uidl_line(std::string_view line, bool cut) {
    auto parsed = parse_uidl_line(line);
    if (!parsed) connection_.violate("a line of the UIDL listing has no message number");
    ListedMessage& message = result_.messages.emplace_back();
    message.number = parsed->number;
    if (cut || parsed->uidl.size() > mail::kMaxUidl) {
      message.refused = true;
      result_.complete = false;
      warn("message " + std::to_string(message.number) + " has a UIDL above " + std::to_string(mail::kMaxUidl) +
           " octets and is left on the server");
    } else if (is_usable_uidl(parsed->uidl) && !is_header_identity(parsed->uidl)) {
      message.identity = result_.names.keep(parsed->uidl);
    }
  }

  void read_list(bool has_uidl) {
    result_.sizes_asked = true;
    Reply reply = connection_.read_reply();
    if (reply.kind == ReplyKind::kContinuation) connection_.violate("a continuation instead of an answer to LIST");
    if (!reply.ok()) {
      if (!has_uidl) throw refusal_failure(connection_.name(), "UIDL and LIST", reply);
      return;
    }
    std::size_t next = 0;
    connection_.read_lines(kMaxListLine, kMaxListedMessages, [&](std::string_view line, bool /*cut*/) {
      auto parsed = parse_list_line(line);
      if (!parsed) connection_.violate("a line of the LIST listing has no message number");
      if (has_uidl) return set_size(result_.messages, next, *parsed);
      ListedMessage& message = result_.messages.emplace_back();
      message.number = parsed->number;
      message.size = believable(parsed->size);
    });
  }

  void sort_by_number() {
    auto& messages = result_.messages;
    if (!std::is_sorted(messages.begin(), messages.end(), by_number)) {
      std::sort(messages.begin(), messages.end(), by_number);
    }
    auto same_number = [](const auto& a, const auto& b) { return a.number == b.number; };
    if (std::adjacent_find(messages.begin(), messages.end(), same_number) != messages.end()) {
      connection_.violate("the listing has one message number twice");
    }
  }

  void find_identities() {
    drop_repeated_uidls();
    std::vector<ListedMessage*> nameless;
    for (auto& message : result_.messages) {
      if (message.identity.empty() && !message.refused) nameless.push_back(&message);
    }
    if (!nameless.empty()) identify_by_header(connection_, capabilities_.pipelining, nameless, result_);
  }

  // QUIRK: UIDLs made of the Message-ID are the same for two copies (getmail, "BrokenUIDL"): neither may hide the other
  void drop_repeated_uidls() {
    std::vector<std::uint32_t> order = order_by_identity(result_.messages);
    std::vector<ListedMessage*> repeated;
    for (std::size_t i = 1; i < order.size(); ++i) {
      ListedMessage& one = result_.messages[order[i - 1]];
      ListedMessage& other = result_.messages[order[i]];
      if (one.identity != other.identity) continue;
      repeated.push_back(&one);
      repeated.push_back(&other);
    }
    if (!repeated.empty()) warn("the server gives one UIDL to several messages: those are known by their headers");
    for (ListedMessage* message : repeated) message->identity = {};
  }

  void warn(std::string_view text) {
    constexpr std::size_t kMaxWarnings = 20;
    if (result_.warnings.size() < kMaxWarnings) result_.warnings.emplace_back(text);
  }

  Connection& connection_;
  const Capabilities& capabilities_;
  Maildrop result_;
};

void ask_all_sizes(Connection& connection, Maildrop& maildrop) {
  maildrop.sizes_asked = true;
  if (!connection.exchange("LIST").ok()) return;
  std::size_t next = 0;
  connection.read_lines(kMaxListLine, kMaxListedMessages, [&](std::string_view line, bool /*cut*/) {
    if (auto parsed = parse_list_line(line)) set_size(maildrop.messages, next, *parsed);
  });
}

void read_single_size(Connection& connection, ListedMessage& message) {
  Reply reply = connection.read_reply();
  if (!reply.ok()) return;
  auto parsed = parse_list_line(reply.text);
  if (parsed && parsed->number == message.number) message.size = believable(parsed->size);
}

}  // namespace

std::optional<mail::ByteCount> believable(std::optional<mail::ByteCount> announced) noexcept {
  constexpr mail::ByteCount kUnbelievable = 1ULL << 40U;  // a tebibyte
  return announced && *announced < kUnbelievable ? announced : std::nullopt;
}

Maildrop list_maildrop(Connection& connection, const Capabilities& capabilities, Asked asked, std::uint64_t expected) {
  return Lister(connection, capabilities).run(asked, std::min<std::uint64_t>(expected, kMaxListedMessages));
}

void compare_with_ledger(Maildrop& maildrop, const storage::Ledger& ledger, const std::string& account) {
  const std::vector<std::uint32_t> order = order_by_identity(maildrop.messages);
  std::size_t next = 0;
  ledger.visit_uidls(account, [&](std::string_view uidl) {
    while (next < order.size() && maildrop.messages[order[next]].identity < uidl) ++next;
    if (next < order.size() && maildrop.messages[order[next]].identity == uidl) {
      maildrop.messages[order[next++]].known = true;
      ++maildrop.present;
    } else {
      maildrop.gone.emplace_back(uidl);
    }
  });
}

void ask_sizes(Connection& connection, bool pipelining, Maildrop& maildrop) {
  if (maildrop.sizes_asked) return;
  std::vector<ListedMessage*> wanted;
  for (auto& message : maildrop.messages) {
    if (!message.known && !message.refused && !message.size) wanted.push_back(&message);
  }
  std::size_t singles = pipelining ? kSingleSizes : 3;
  if (wanted.size() > singles) return ask_all_sizes(connection, maildrop);
  std::string commands;
  for (ListedMessage* message : wanted) {
    commands += "LIST " + std::to_string(message->number) + "\r\n";
    if (pipelining) continue;
    connection.send(commands);
    commands.clear();
    read_single_size(connection, *message);
  }
  if (!pipelining || wanted.empty()) return;
  connection.send(commands);
  for (ListedMessage* message : wanted) read_single_size(connection, *message);
}

MaildropTotals ask_totals(Connection& connection) {
  Reply reply = connection.exchange("STAT");
  if (!reply.ok()) throw refusal_failure(connection.name(), "STAT", reply);
  std::string_view rest = reply.text;
  auto messages = parse_number(take_word(rest));
  auto octets = parse_number(take_word(rest));
  if (!messages || !octets) connection.violate("the answer to STAT has no numbers");
  return {*messages, *octets};
}

}  // namespace mailstead::pop3
