#include "connectors/imap/client/mailbox_status.h"

#include <algorithm>

#include "connectors/imap/codec/cursor.h"
#include "mail/failure.h"

namespace mailstead::imap {
namespace {

constexpr std::size_t kUnderWay = 16;

class StatusHandler final : public ResponseHandler {
 public:
  StatusHandler(const std::vector<Folder>& folders, std::vector<MailboxCounts>& counts)
      : folders_(folders), counts_(counts) {}

  bool untagged(const Response& response) override {
    if (!response.is_data("STATUS")) return false;
    Cursor cursor(response.rest);
    std::string name = cursor.expect_astring();
    cursor.skip_spaces();
    auto folder = std::find_if(folders_.begin(), folders_.end(), [&](const Folder& f) {
      return f.wire == name || (f.name == "INBOX" && same_word(name, "INBOX"));
    });
    MailboxCounts ignored;
    MailboxCounts& counts =
        folder == folders_.end() ? ignored : counts_[static_cast<std::size_t>(folder - folders_.begin())];
    cursor.expect_list([&] {
      std::string_view item = cursor.expect_atom();
      cursor.skip_spaces();
      auto number = cursor.try_number();
      if (!number) return cursor.skip_value();
      if (same_word(item, "MESSAGES")) counts.messages = number;
      if (same_word(item, "UNSEEN")) counts.unseen = number;
    });
    return folder != folders_.end();
  }

 private:
  const std::vector<Folder>& folders_;
  std::vector<MailboxCounts>& counts_;
};

}  // namespace

std::vector<MailboxCounts> mailbox_counts(Session& session, const std::vector<Folder>& folders) {
  std::vector<MailboxCounts> counts(folders.size());
  StatusHandler handler(folders, counts);
  for (std::size_t i = 0; i < folders.size(); i += kUnderWay) {
    std::vector<Tag> tags;
    for (std::size_t j = i; j < std::min(folders.size(), i + kUnderWay); ++j) {
      if (!folders[j].selectable) continue;
      CommandText command("STATUS ");
      command.astring(folders[j].wire, session.capabilities()).raw(" (MESSAGES UNSEEN)");
      tags.push_back(session.send(command));
    }
    for (Tag tag : tags) (void)session.finish(tag, handler);
  }
  return counts;
}

}  // namespace mailstead::imap
