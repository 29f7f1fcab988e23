// Holds one message of the selected mailbox against search criteria, reading no more of it than they ask for.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "connectors/imap/server/mailbox_view.h"
#include "connectors/imap/server/search_key.h"
#include "mail/content.h"
#include "mail/structure.h"
#include "storage/content.h"

namespace mailstead::imap {

// Once per search: "*" becomes the last number in use, "$" what was saved, an interval its bound; `index` (which may be
// null) is asked for texts.
void resolve(SearchKey& key, const MailboxView& view, mail::WallTime now, const storage::SearchIndex* index);

// One message. A message whose bytes or facts are gone matches no criterion about them.
class SearchMatch {
 public:
  SearchMatch(const MailboxView& view, std::size_t position, const storage::ContentStore& contents,
              const std::optional<storage::StoredMessage>* facts)
      : view_(view), position_(position), contents_(contents), facts_(facts) {}
  [[nodiscard]] bool matches(const SearchKey& key);
  // Without facts or bytes; nullopt when it takes them.
  [[nodiscard]] std::optional<bool> matches_by_entry(const SearchKey& key);
  // Octets read so far: what this message cost.
  [[nodiscard]] mail::ByteCount octets_read() const noexcept { return read_; }

 private:
  [[nodiscard]] bool matches_number(const SearchKey& key) const;
  [[nodiscard]] bool matches_date(const SearchKey& key);
  [[nodiscard]] bool matches_envelope(const SearchKey& key);
  [[nodiscard]] bool matches_header(const SearchKey& key);
  [[nodiscard]] bool matches_text(const SearchKey& key);
  [[nodiscard]] const mail::Part* structure();
  [[nodiscard]] const mail::Content* content();
  [[nodiscard]] std::string read(mail::ByteCount offset, mail::ByteCount size);

  const MailboxView& view_;
  std::size_t position_;
  const storage::ContentStore& contents_;
  const std::optional<storage::StoredMessage>* facts_;
  std::optional<mail::Part> structure_;
  std::shared_ptr<const mail::Content> content_;
  bool structure_tried_ = false, content_tried_ = false;
  mail::ByteCount read_ = 0;
};

}  // namespace mailstead::imap
