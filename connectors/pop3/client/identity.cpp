#include "connectors/pop3/client/identity.h"

#include <unordered_map>

#include "connectors/pop3/client/header_reader.h"
#include "mail/digest.h"
#include "mail/header.h"

namespace mailstead::pop3 {
namespace {

constexpr std::string_view kPrefix = "hash:";
constexpr std::size_t kMaxWarnings = 20;

// Fields that servers write into the mailbox themselves: they change when a message was read.
bool is_status_field(std::string_view line) {
  for (std::string_view name : {"Status:", "X-Status:", "X-UIDL:", "X-Mozilla-Status:"}) {
    if (line.size() >= name.size() && mail::iequals(line.substr(0, name.size()), name)) return true;
  }
  return false;
}

std::string identity_of(std::string_view header) {
  mail::Sha256Stream hash;
  while (!header.empty()) {
    std::size_t end = header.find("\r\n");  // every line has it
    std::string_view line = header.substr(0, end);
    if (!is_status_field(line)) {
      hash.update(line);
      hash.update("\n");
    }
    header.remove_prefix(end + 2);
  }
  return std::string(kPrefix) + mail::to_hex(hash.finish());
}

void number_the_alike(const std::vector<ListedMessage*>& messages, Names& names) {
  std::unordered_map<std::string_view, unsigned> seen;
  for (ListedMessage* message : messages) {
    if (message->identity.empty()) continue;
    unsigned count = ++seen[message->identity];
    if (count > 1) message->identity = names.keep(std::string(message->identity) + "#" + std::to_string(count));
  }
}

}  // namespace

bool is_header_identity(std::string_view identity) noexcept {
  return identity.starts_with(kPrefix);
}

void identify_by_header(Connection& connection, bool pipelining, const std::vector<ListedMessage*>& messages,
                        Maildrop& maildrop) {
  std::vector<ListedMessage*> left;
  auto take = [&](ListedMessage& message, const std::string_view* header) {
    if (header == nullptr) return left.push_back(&message);
    message.identity = maildrop.names.keep(identity_of(*header));
  };
  read_headers(connection, pipelining, messages, take);
  std::vector<ListedMessage*> without_top = std::exchange(left, {});
  if (!without_top.empty()) {
    maildrop.retrieved_for_identity = true;
    maildrop.warnings.push_back("the server has no TOP: " + std::to_string(without_top.size()) +
                                " messages are retrieved at every poll, to know them by their headers");
  }
  for (ListedMessage* message : without_top) read_header_by_retr(connection, *message, take);
  for (ListedMessage* message : left) {
    message->refused = true;
    maildrop.complete = false;
    if (maildrop.warnings.size() < kMaxWarnings) {
      maildrop.warnings.push_back("message " + std::to_string(message->number) +
                                  " can be neither identified nor retrieved");
    }
  }
  number_the_alike(messages, maildrop.names);
}

}  // namespace mailstead::pop3
