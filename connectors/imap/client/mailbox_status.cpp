#include "connectors/imap/client/mailbox_status.h"

#include <deque>
#include <unordered_map>

#include "connectors/imap/codec/cursor.h"
#include "connectors/imap/codec/mailbox_name.h"
#include "mail/failure.h"

namespace mailstead::imap {
namespace {

// Their answers fit into the socket's buffers even when each name is long: nobody waits for us to read.
constexpr std::size_t kUnderWay = 100;

void take_item(MailboxCounts& counts, std::string_view item, std::uint64_t number) {
  if (same_word(item, "MESSAGES")) counts.messages = number;
  if (same_word(item, "UNSEEN")) counts.unseen = number;
  if (same_word(item, "UIDNEXT") && number > 0 && number <= UINT32_MAX) counts.uid_next = number;
  if (same_word(item, "UIDVALIDITY") && number > 0 && number <= UINT32_MAX) counts.uid_validity = number;
  if (same_word(item, "HIGHESTMODSEQ")) counts.highest_modseq = number;
}

class StatusHandler final : public ResponseHandler {
 public:
  StatusHandler(std::vector<Folder>& folders, bool utf8) : folders_(folders), utf8_(utf8) {
    for (std::size_t i = 0; i < folders.size(); ++i) by_name_.emplace(folders[i].name, i);
  }

  bool untagged(const Response& response) override {
    if (!response.is_data("STATUS")) return false;
    auto answer = decode_status(response.rest, utf8_);
    auto place = answer ? by_name_.find(answer->name) : by_name_.end();
    if (place == by_name_.end()) return false;
    folders_[place->second].status = answer->counts;
    return true;
  }

 private:
  std::vector<Folder>& folders_;
  bool utf8_;
  std::unordered_map<std::string, std::size_t> by_name_;
};

}  // namespace

std::optional<StatusAnswer> decode_status(std::string_view rest, bool utf8) {
  StatusAnswer answer;
  try {
    Cursor cursor(rest);
    std::string wire = cursor.expect_astring();
    answer.name = utf8 ? wire : from_modified_utf7(wire).value_or(wire);
    if (same_word(answer.name, "INBOX")) answer.name = "INBOX";
    cursor.skip_spaces();
    cursor.expect_list([&] {
      std::string_view item = cursor.expect_atom();
      cursor.skip_spaces();
      if (auto number = cursor.try_number()) return take_item(answer.counts, item, *number);
      cursor.skip_value();
    });
  } catch (const mail::Failure&) {
    return std::nullopt;
  }
  return answer;
}

void ask_status(Session& session, std::vector<Folder>& folders, std::string_view items) {
  StatusHandler handler(folders, session.utf8_names());
  std::deque<Tag> under_way;
  auto finish_one = [&] {
    (void)session.finish(under_way.front(), handler);
    under_way.pop_front();
  };
  for (Folder& folder : folders) {
    if (!folder.selectable || folder.status) continue;
    if (under_way.size() == kUnderWay) {
      while (under_way.size() > kUnderWay / 2) finish_one();
    }
    CommandText command("STATUS ");
    command.mailbox(folder.wire, session.capabilities(), session.utf8_names()).raw(" (").raw(items).raw(")");
    under_way.push_back(session.send(command));
  }
  while (!under_way.empty()) finish_one();
}

}  // namespace mailstead::imap
