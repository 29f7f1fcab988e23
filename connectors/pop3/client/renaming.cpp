#include "connectors/pop3/client/renaming.h"

#include <algorithm>
#include <unordered_map>

#include "connectors/pop3/client/header_reader.h"
#include "mail/escape.h"
#include "mail/header.h"
#include "mail/scan.h"

namespace mailstead::pop3 {
namespace {

constexpr std::size_t kFewMessages = 3;  // below it fetching is as cheap as asking
constexpr std::size_t kMaxListed = 500;  // as the intake keeps From and Subject

struct Old {
  std::string uidl;
  mail::ByteCount size = 0;
  bool found = false;
};
struct New {
  ListedMessage* message = nullptr;
  bool found = false;
};
struct Alike {
  bool by_message_id = false;
  std::vector<Old> old_ones;
  std::vector<New> new_ones;
};

std::string listed(const mail::HeaderBlock& header, std::string_view name) {
  const auto* field = header.first(name);
  return field == nullptr ? std::string() : mail::printable(mail::decoded_value(*field), kMaxListed);
}

// The store keeps a Message-ID without its angle brackets.
std::string key_of(std::string_view message_id, const std::string& from, const std::string& subject) {
  if (message_id.starts_with('<') && message_id.ends_with('>'))
    message_id = message_id.substr(1, message_id.size() - 2);
  return message_id.empty() ? from + '\n' + subject : std::string(message_id);
}

class Matcher {
 public:
  void add_old(const storage::RetrievedMessage& message) {
    Alike& group = groups_[key_of(message.message_id, message.from, message.subject)];
    group.by_message_id = !message.message_id.empty();
    group.old_ones.push_back({message.uidl, message.size});
  }

  void add_new(ListedMessage& message, std::string_view header) {
    mail::MessageScanner scanner;
    scanner.feed(header);
    scanner.feed("\r\n");
    const std::string message_id = scanner.finish().message_id;
    const auto block = mail::HeaderBlock::parse(header);
    auto group = groups_.find(key_of(message_id, listed(block, "From"), listed(block, "Subject")));
    if (group != groups_.end()) group->second.new_ones.push_back({&message});
  }

  std::vector<std::pair<std::string, std::string>> run() {
    for (auto& [key, group] : groups_) {
      if (group.by_message_id || group.old_ones.size() == group.new_ones.size()) match_by_size(group);
      if (group.by_message_id) match_the_last(group);
    }
    return std::move(names_);
  }

 private:
  void match_by_size(Alike& group) {
    for (New& one : group.new_ones) {
      for (Old& other : group.old_ones) {
        if (other.found || one.message->size != other.size) continue;
        join(one, other);
        break;
      }
    }
  }

  // LIST's sizes may be wrong: a Message-ID that is left on one message of each side says enough.
  void match_the_last(Alike& group) {
    auto is_left = [](const auto& one) { return !one.found; };
    if (std::count_if(group.old_ones.begin(), group.old_ones.end(), is_left) != 1) return;
    if (std::count_if(group.new_ones.begin(), group.new_ones.end(), is_left) != 1) return;
    join(*std::find_if(group.new_ones.begin(), group.new_ones.end(), is_left),
         *std::find_if(group.old_ones.begin(), group.old_ones.end(), is_left));
  }

  void join(New& one, Old& other) {
    one.found = other.found = true;
    one.message->known = true;
    names_.emplace_back(std::move(other.uidl), one.message->identity);
  }

  std::unordered_map<std::string, Alike> groups_;
  std::vector<std::pair<std::string, std::string>> names_;
};

}  // namespace

bool looks_renamed(const Maildrop& maildrop) {
  if (!maildrop.complete || maildrop.gone.size() < kFewMessages) return false;
  auto fresh = std::count_if(maildrop.messages.begin(), maildrop.messages.end(),
                             [](const ListedMessage& message) { return !message.known; });
  return static_cast<std::size_t>(fresh) >= kFewMessages && maildrop.present <= maildrop.messages.size() / 10 &&
         maildrop.gone.size() >= maildrop.present * 10;
}

std::vector<std::pair<std::string, std::string>> match_renamed(Connection& connection, bool pipelining,
                                                               Maildrop& maildrop, const storage::Ledger& ledger,
                                                               const std::string& account) {
  Matcher matcher;
  ledger.visit_retrieved(account, [&](const storage::RetrievedMessage& message) {
    if (std::binary_search(maildrop.gone.begin(), maildrop.gone.end(), message.uidl)) matcher.add_old(message);
  });
  std::vector<ListedMessage*> fresh;
  for (ListedMessage& message : maildrop.messages) {
    if (!message.known && !message.refused) fresh.push_back(&message);
  }
  read_headers(connection, pipelining, fresh, [&](ListedMessage& message, const std::string_view* header) {
    if (header != nullptr) matcher.add_new(message, *header);
  });
  auto names = matcher.run();
  std::vector<std::string> found;
  for (const auto& name : names) found.push_back(name.first);
  std::sort(found.begin(), found.end());
  std::erase_if(maildrop.gone,
                [&](const std::string& uidl) { return std::binary_search(found.begin(), found.end(), uidl); });
  maildrop.present += names.size();
  return names;
}

}  // namespace mailstead::pop3
