#include "connectors/pop3/client/identity.h"

#include <algorithm>
#include <unordered_map>

#include "mail/digest.h"
#include "mail/header.h"

namespace mailstead::pop3 {
namespace {

constexpr std::string_view kPrefix = "hash:";
constexpr std::size_t kTopsInFlight = 64;
constexpr std::size_t kMaxWarnings = 20;

// Fields that servers write into the mailbox themselves: they change when a message was read.
bool is_status_field(std::string_view line) {
  for (std::string_view name : {"Status:", "X-Status:", "X-UIDL:", "X-Mozilla-Status:"}) {
    if (line.size() >= name.size() && mail::iequals(line.substr(0, name.size()), name)) return true;
  }
  return false;
}

// The header's lines as they come; all of the body, if there is one, does not count.
class HeaderHash {
 public:
  void add(std::string_view line) {
    if (ended_) return;
    if (line.empty()) {
      ended_ = true;
    } else if (!is_status_field(line)) {
      hash_.update(line);
      hash_.update("\n");
    }
  }
  [[nodiscard]] std::string identity() { return std::string(kPrefix) + mail::to_hex(hash_.finish()); }

 private:
  mail::Sha256Stream hash_;
  bool ended_ = false;
};

// False: refused.
bool read_identity(Connection& connection, ListedMessage& message) {
  Reply reply = connection.read_reply();
  if (reply.kind == ReplyKind::kContinuation) connection.violate("a continuation instead of a message");
  if (!reply.ok()) return false;
  HeaderHash hash;
  connection.read_lines(mail::kMaxReplyLine, static_cast<std::size_t>(-1),
                        [&](std::string_view line, bool /*cut*/) { hash.add(line); });
  message.identity = hash.identity();
  return true;
}

std::vector<ListedMessage*> identify_by_top(Connection& connection, std::size_t in_flight,
                                            const std::vector<ListedMessage*>& messages) {
  std::vector<ListedMessage*> refused;
  for (std::size_t begin = 0; begin < messages.size(); begin += in_flight) {
    std::size_t end = std::min(begin + in_flight, messages.size());
    std::string commands;
    for (std::size_t i = begin; i < end; ++i) commands += "TOP " + std::to_string(messages[i]->number) + " 0\r\n";
    connection.send(commands);
    for (std::size_t i = begin; i < end; ++i) {
      if (!read_identity(connection, *messages[i])) refused.push_back(messages[i]);
    }
  }
  return refused;
}

void number_the_alike(const std::vector<ListedMessage*>& messages) {
  std::unordered_map<std::string, unsigned> seen;
  for (ListedMessage* message : messages) {
    if (message->identity.empty()) continue;
    unsigned count = ++seen[message->identity];
    if (count > 1) message->identity += "#" + std::to_string(count);
  }
}

}  // namespace

bool is_header_identity(std::string_view identity) noexcept {
  return identity.starts_with(kPrefix);
}

bool identify_by_header(Connection& connection, const Capabilities& capabilities,
                        const std::vector<ListedMessage*>& messages, std::vector<std::string>& warnings) {
  std::vector<ListedMessage*> left = identify_by_top(connection, capabilities.pipelining ? kTopsInFlight : 1, messages);
  if (!left.empty()) {
    warnings.push_back("the server has no TOP: " + std::to_string(left.size()) +
                       " messages are retrieved at every poll, to know them by their headers");
  }
  bool all = true;
  for (ListedMessage* message : left) {
    connection.send("RETR " + std::to_string(message->number) + "\r\n");
    if (read_identity(connection, *message)) continue;
    message->refused = true;
    all = false;
    if (warnings.size() < kMaxWarnings) {
      warnings.push_back("message " + std::to_string(message->number) + " can be neither identified nor retrieved");
    }
  }
  number_the_alike(messages);
  return all;
}

}  // namespace mailstead::pop3
