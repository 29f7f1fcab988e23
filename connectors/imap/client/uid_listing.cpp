#include "connectors/imap/client/uid_listing.h"

#include <algorithm>
#include <utility>

#include "connectors/imap/client/fetch_items.h"
#include "connectors/imap/client/uid_set_text.h"

namespace mailstead::imap {
namespace {

bool lower_uid(const Listed& a, const Listed& b) {
  return a.uid < b.uid;
}

}  // namespace

std::string listing_items(const ListingWants& wants) {
  std::string items = "FLAGS INTERNALDATE";
  if (wants.sizes) items += " RFC822.SIZE";
  if (wants.identity == IdentityKind::kGmail) items += " X-GM-MSGID X-GM-LABELS";
  if (wants.identity == IdentityKind::kObjectId) items += " EMAILID";
  if (wants.message_ids) items += " BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)]";
  return items;
}

UidListing::UidListing(const std::vector<storage::Uid>& uids, const ListingWants& wants)
    : from_(1), to_(0), only_(SequenceSet::of(uids)), wants_(wants) {}

std::vector<Tag> UidListing::send(Session& session) const {
  const std::string items = " (UID " + listing_items(wants_) + ")";
  std::vector<std::string> sets;
  if (only_) {
    sets = only_->chunks(kMaxSetText);
  } else {
    sets.push_back(std::to_string(from_) + ':' + (to_ == 0 ? "*" : std::to_string(to_)));
  }
  std::vector<Tag> tags;
  for (const std::string& set : sets) tags.push_back(session.send(CommandText("UID FETCH " + set + items)));
  return tags;
}

Completion UidListing::finish(Session& session, const std::vector<Tag>& tags) {
  Completion worst;
  for (Tag tag : tags) {
    Completion end = session.finish(tag, *this);
    if (worst.tag == 0 || (worst.ok() && !end.ok())) worst = std::move(end);
  }
  return worst;
}

Completion UidListing::run(Session& session) {
  return finish(session, send(session));
}

bool UidListing::untagged(const Response& response) {
  if (!response.is_data("FETCH")) return false;
  FetchItems items = decode_fetch(response);
  // "n:*" names the newest message even when it is older than n; a flag update may come without UID.
  if (!items.uid || *items.uid < from_ || (to_ != 0 && *items.uid > to_)) return false;
  if (only_ && !only_->contains(*items.uid)) return false;
  if (cut_after_ && *items.uid > *cut_after_) return *items.uid > std::exchange(last_seen_, *items.uid);
  // Servers need not list in order; one that repeats itself without end must come to an end.
  bool progress = *items.uid > last_seen_ || ++out_of_order_ < kMaxListed;
  last_seen_ = std::max(last_seen_, *items.uid);
  found_.push_back({*items.uid, items.size, items.internal_date.value_or(mail::WallTime{}),
                    items.internal_date.has_value(), std::move(items.flags).value_or(mail::Flags{}),
                    std::move(items.message_id).value_or(std::string()),
                    std::move(items.identity).value_or(std::string()),
                    std::move(items.labels).value_or(std::vector<std::string>{})});
  if (found_.size() >= 2 * kMaxListed) keep_lowest();
  return progress;
}

void UidListing::keep_lowest() {
  // Nearly always in order already.
  if (!std::is_sorted(found_.begin(), found_.end(), lower_uid)) {
    std::stable_sort(found_.begin(), found_.end(), lower_uid);
  }
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
