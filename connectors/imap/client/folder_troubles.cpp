#include "connectors/imap/client/folder_troubles.h"

#include <algorithm>

#include "mail/escape.h"
#include "mail/failure.h"

namespace mailstead::imap {

using storage::Trouble;
using storage::Uid;

void FolderTroubles::load(std::uint32_t uid_validity) {
  folder_.uid_validity = uid_validity;
  known_.clear();
  for (Trouble& trouble : ledger_.troubles(folder_.account)) {
    if (trouble.source.folder == folder_.folder && trouble.source.uid_validity == uid_validity) {
      known_.push_back(std::move(trouble));
    }
  }
  std::sort(known_.begin(), known_.end(),
            [](const Trouble& a, const Trouble& b) { return a.source.uid < b.source.uid; });
}

const Trouble* FolderTroubles::find(Uid uid) const noexcept {
  auto at = std::lower_bound(known_.begin(), known_.end(), uid,
                             [](const Trouble& trouble, Uid value) { return trouble.source.uid < value; });
  return at != known_.end() && at->source.uid == uid ? &*at : nullptr;
}

bool FolderTroubles::holds(Uid uid) const noexcept {
  return find(uid) != nullptr;
}

bool FolderTroubles::any_in(Uid first, Uid last) const noexcept {
  return std::any_of(known_.begin(), known_.end(),
                     [&](const Trouble& trouble) { return trouble.source.uid >= first && trouble.source.uid <= last; });
}

bool FolderTroubles::stepped_over(Uid uid) const noexcept {
  const Trouble* trouble = find(uid);
  return trouble != nullptr && trouble->stepped_over;
}

std::vector<Uid> FolderTroubles::due() const {
  std::vector<Uid> uids;
  for (const Trouble& trouble : known_) {
    if (trouble.next_try <= now_) uids.push_back(trouble.source.uid);
  }
  return uids;
}

bool FolderTroubles::note(Uid uid, const std::string& reason) {
  if (++noted_ > kMaxTroublesPerPoll) {
    throw mail::Failure(mail::FailureKind::kTemporary, mail::FailureScope::kFolder,
                        "folder \"" + mail::printable(folder_.folder, 200) +
                            "\": the server does not hand over more than " + std::to_string(kMaxTroublesPerPoll) +
                            " of the messages that it lists: " + reason);
  }
  return ledger_.note_trouble(source(uid), now_, reason) >= storage::kPoisonAttempts;
}

void FolderTroubles::gone(const std::vector<Uid>& uids) {
  std::vector<storage::SourceRef> sources;
  for (Uid uid : uids) sources.push_back(source(uid));
  ledger_.forget_troubles(sources);
}

storage::SourceRef FolderTroubles::source(Uid uid) const {
  storage::SourceRef source = folder_;
  source.uid = uid;
  return source;
}

}  // namespace mailstead::imap
