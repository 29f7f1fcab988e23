#include "connectors/imap/client/notify.h"

#include <algorithm>
#include <utility>

#include "connectors/imap/codec/cursor.h"
#include "mail/failure.h"

namespace mailstead::imap {
namespace {

class StatusReader final : public ResponseHandler {
 public:
  StatusReader(const std::vector<Folder>& folders, FolderNews& news) : folders_(folders), news_(news) {}
  bool untagged(const Response& response) override {
    return response.is_data("STATUS") && read_news(response.rest, folders_, news_);
  }

 private:
  const std::vector<Folder>& folders_;
  FolderNews& news_;
};

std::optional<std::uint32_t> number_of(Cursor& cursor) {
  const auto number = cursor.try_number(UINT32_MAX);
  if (!number) cursor.skip_value();
  if (!number || *number == 0) return std::nullopt;
  return static_cast<std::uint32_t>(*number);
}

}  // namespace

void FolderNews::polled(const std::string& name, std::uint32_t uid_validity, std::uint32_t uid_next) {
  Seen& seen = seen_[name];
  if (seen.uid_validity == uid_validity) uid_next = std::max(uid_next, seen.uid_next);
  seen = {uid_validity, uid_next};
}

bool FolderNews::shows(const std::string& name, std::optional<std::uint32_t> uid_validity,
                       std::optional<std::uint32_t> uid_next) {
  Seen& seen = seen_[name];
  const bool never_used = seen.uid_validity == 0 && uid_next == 1U;  // an empty folder leaves no trace in the ledger
  const bool other = uid_validity && *uid_validity != seen.uid_validity && !never_used;
  const bool further = uid_next && *uid_next > seen.uid_next && !never_used;
  if (uid_validity && *uid_validity != seen.uid_validity) seen = {*uid_validity, 0};
  if (uid_next) seen.uid_next = std::max(seen.uid_next, *uid_next);
  if (other || further) add(name);
  return other || further;
}

void FolderNews::add(const std::string& name) {
  if (std::find(news_.begin(), news_.end(), name) == news_.end()) news_.push_back(name);
}

std::vector<std::string> FolderNews::take() {
  std::vector<std::string> names = std::exchange(news_, {});
  if (std::exchange(all_, false)) names.clear();
  return names;
}

bool fits_notify(const std::vector<Folder>& folders) noexcept {
  std::size_t octets = 0;
  for (const Folder& folder : folders) octets += folder.wire.size() + 3;
  return folders.size() <= kMaxNotified && octets <= kMaxNotifyCommand;
}

bool ask_for_news(Session& session, const std::vector<Folder>& folders, FolderNews& news, bool again) {
  // QUIRK: Dovecot 2.3 says nothing more after a second NOTIFY SET that follows the first at once.
  if (again) session.send_unwatched(CommandText("NOTIFY NONE"));
  // MessageNew demands MessageExpunge (RFC 5465 §5). Delayed: no EXPUNGE comes into the middle of a FETCH.
  CommandText command("NOTIFY SET STATUS (SELECTED-DELAYED (MessageNew MessageExpunge)) (MAILBOXES (");
  bool first = true;
  for (const Folder& folder : folders) {
    if (!first) command.raw(" ");
    first = false;
    command.astring(folder.wire, session.capabilities());
  }
  command.raw(") (MessageNew MessageExpunge))");
  StatusReader reader(folders, news);
  return session.run(command, reader).ok();
}

bool read_news(std::string_view status, const std::vector<Folder>& folders, FolderNews& news) {
  try {
    Cursor cursor(status);
    const std::string name = cursor.expect_astring();
    cursor.skip_spaces();
    const auto folder = std::find_if(folders.begin(), folders.end(), [&](const Folder& one) {
      return one.wire == name || (one.name == "INBOX" && same_word(name, "INBOX"));
    });
    if (folder == folders.end()) return false;
    std::optional<std::uint32_t> uid_validity, uid_next;
    cursor.expect_list([&] {
      const std::string_view item = cursor.expect_atom();
      cursor.skip_spaces();
      if (same_word(item, "UIDVALIDITY"))
        uid_validity = number_of(cursor);
      else if (same_word(item, "UIDNEXT"))
        uid_next = number_of(cursor);
      else
        cursor.skip_value();
    });
    (void)news.shows(folder->name, uid_validity, uid_next);
    return true;
  } catch (const mail::Failure&) {
    return false;  // one that cannot be read tells nothing; the safety poll looks
  }
}

}  // namespace mailstead::imap
