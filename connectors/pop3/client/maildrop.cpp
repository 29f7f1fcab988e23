#include "connectors/pop3/client/maildrop.h"

#include <algorithm>
#include <unordered_map>

#include "connectors/pop3/client/identity.h"
#include "connectors/pop3/client/refusal.h"
#include "connectors/pop3/codec/listing.h"
#include "connectors/pop3/codec/number.h"
#include "mail/failure.h"

namespace mailstead::pop3 {
namespace {

constexpr std::size_t kMaxUidlLine = mail::kMaxUidl + 16;  // with the message number
constexpr std::size_t kMaxListLine = 512;
constexpr std::size_t kSmallMaildrop = 2000;  // LIST of it costs less than a round trip
constexpr std::size_t kSingleSizes = 100;     // up to so many are asked for one by one

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
  messages[next++].size = line.size;
}

class Lister {
 public:
  Lister(Connection& connection, const Capabilities& capabilities, const std::unordered_set<std::string>& known)
      : connection_(connection), capabilities_(capabilities), known_(known) {}

  Maildrop run() {
    bool both = capabilities_.pipelining && known_.size() <= kSmallMaildrop;
    connection_.send(both ? "UIDL\r\nLIST\r\n" : "UIDL\r\n");
    bool has_uidl = read_uidl();
    if (!has_uidl && !both) connection_.send("LIST\r\n");
    sort_by_number();
    if (both || !has_uidl) read_list(has_uidl);
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
      message.identity = parsed->uidl;
    }
  }

  void read_list(bool has_uidl) {
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
      if (!has_uidl) result_.messages.push_back({.number = parsed->number, .identity = {}, .size = parsed->size});
      if (has_uidl) set_size(result_.messages, next, *parsed);
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
    if (!nameless.empty() && !identify_by_header(connection_, capabilities_, nameless, result_.warnings)) {
      result_.complete = false;
    }
    for (auto& message : result_.messages) {
      if (!message.refused) message.known = known_.contains(message.identity);
    }
  }

  // QUIRK: UIDLs made of the Message-ID are the same for two copies (getmail, "BrokenUIDL"): neither may hide the other
  void drop_repeated_uidls() {
    std::unordered_map<std::string_view, ListedMessage*> first;
    first.reserve(result_.messages.size());
    std::vector<ListedMessage*> repeated;
    for (auto& message : result_.messages) {
      if (message.identity.empty()) continue;
      auto [found, inserted] = first.try_emplace(message.identity, &message);
      if (inserted) continue;
      repeated.push_back(&message);
      repeated.push_back(found->second);
    }
    if (!repeated.empty()) warn("the server gives one UIDL to several messages: those are known by their headers");
    for (ListedMessage* message : repeated) message->identity.clear();
  }

  void warn(std::string_view text) {
    constexpr std::size_t kMaxWarnings = 20;
    if (result_.warnings.size() < kMaxWarnings) result_.warnings.emplace_back(text);
  }

  Connection& connection_;
  const Capabilities& capabilities_;
  const std::unordered_set<std::string>& known_;
  Maildrop result_;
};

void ask_all_sizes(Connection& connection, Maildrop& maildrop) {
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
  if (parsed && parsed->number == message.number) message.size = parsed->size;
}

}  // namespace

Maildrop list_maildrop(Connection& connection, const Capabilities& capabilities,
                       const std::unordered_set<std::string>& known) {
  return Lister(connection, capabilities, known).run();
}

void ask_sizes(Connection& connection, bool pipelining, Maildrop& maildrop) {
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
