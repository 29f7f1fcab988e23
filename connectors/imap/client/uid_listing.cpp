#include "connectors/imap/client/uid_listing.h"

#include <algorithm>
#include <utility>

#include "connectors/imap/client/fetch_items.h"

namespace mailstead::imap {
namespace {

bool lower_uid(const Listed& a, const Listed& b) {
  return a.uid < b.uid;
}

}  // namespace

Tag UidListing::send(Session& session) const {
  std::string range = std::to_string(from_) + ':' + (to_ == 0 ? "*" : std::to_string(to_));
  return session.send(CommandText("UID FETCH " + range +
                                  (sizes_ ? " (UID FLAGS INTERNALDATE RFC822.SIZE)" : " (UID FLAGS INTERNALDATE)")));
}

bool UidListing::untagged(const Response& response) {
  if (!response.is_data("FETCH")) return false;
  FetchItems items = decode_fetch(response);
  // "n:*" names the newest message even when it is older than n; a flag update may come without UID.
  if (!items.uid || *items.uid < from_ || (to_ != 0 && *items.uid > to_)) return false;
  if (cut_after_ && *items.uid > *cut_after_) return *items.uid > std::exchange(last_seen_, *items.uid);
  bool progress = *items.uid > last_seen_;
  last_seen_ = std::max(last_seen_, *items.uid);
  found_.push_back({*items.uid, items.size, items.internal_date.value_or(mail::WallTime{}),
                    std::move(items.flags).value_or(mail::Flags{})});
  if (found_.size() >= 2 * kMaxListed) keep_lowest();
  return progress;
}

void UidListing::keep_lowest() {
  std::stable_sort(found_.begin(), found_.end(), lower_uid);
  found_.erase(
      std::unique(found_.begin(), found_.end(), [](const Listed& a, const Listed& b) { return a.uid == b.uid; }),
      found_.end());
  if (found_.size() <= kMaxListed) return;
  found_.resize(kMaxListed);
  cut_after_ = found_.back().uid;
}

std::vector<Listed> UidListing::take() {
  keep_lowest();
  return std::move(found_);
}

}  // namespace mailstead::imap
