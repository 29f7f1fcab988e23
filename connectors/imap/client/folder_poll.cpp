#include "connectors/imap/client/folder_poll.h"

#include <algorithm>
#include <utility>

#include "connectors/imap/client/gmail_labels.h"
#include "connectors/imap/client/source_cleanup.h"
#include "mail/escape.h"
#include "mail/failpoint.h"
#include "mail/failure.h"

namespace mailstead::imap {

using mail::Failure;
using mail::FailureKind;
using mail::FailureScope;
using retrieval::AfterFetch;
using storage::Uid;

FolderPoll::FolderPoll(Session& session, PollRun& run, const Folder& folder)
    : session_(session),
      run_(run),
      folder_(folder),
      troubles_(run.ledger, {run.settings.name, folder.name, 0, 0, {}}, run.now) {}

void FolderPoll::run() {
  run_.observer.stage("looking into " + mail::printable(folder_.name, 200));
  if (auto progress = run_.ledger.folder(run_.settings.name, folder_.name)) {
    progress_ = std::move(*progress);
    known_to_ledger_ = true;
    uid_validity_ = progress_.uid_validity;
  }
  troubles_.load(uid_validity_);
  followed_.emplace(left_over(), run_.settings.only_if);
  Flight flight = select();
  check_numbering(flight);
  std::optional<Window> first;
  land(flight, first);
  clean_left_over();
  fetch_new(std::move(first));
  retry_troubles();
  settle_states();
}

bool FolderPoll::has_errands(const PollRun& run, const std::string& folder) {
  const std::string& account = run.settings.name;
  auto progress = run.ledger.folder(account, folder);
  if (progress && (progress->matching || !progress->done_beyond.empty())) return true;
  if (run.settings.after_fetch != AfterFetch::kKeep && !run.ledger.cleanup_due(account, folder, run.now).empty()) {
    return true;
  }
  auto troubles = run.ledger.troubles(account);
  return std::any_of(troubles.begin(), troubles.end(), [&](const storage::Trouble& trouble) {
    return trouble.source.folder == folder && trouble.next_try <= run.now;
  });
}

// Makes durable what came in, cleans it up, and tells the ledger that all up to `through` was seen.
void FolderPoll::settle(Uid through) {
  walked_ = std::max(walked_, through);
  if (run_.dry_run) return;
  if (std::exchange(unflushed_, false)) run_.sink.flush();
  require_same_mailbox();
  std::vector<Uid> durable;
  for (const storage::SourceRef& source : run_.sink.take_durable()) {
    if (source.folder == folder_.name && source.uid_validity == uid_validity_) durable.push_back(source.uid);
  }
  durable.insert(durable.end(), copies_.begin(), copies_.end());
  copies_.clear();
  std::erase_if(durable, [&](Uid uid) { return std::binary_search(unripe_.begin(), unripe_.end(), uid); });
  unripe_.clear();
  std::sort(durable.begin(), durable.end());
  // With a delay the ledger says when: see left_over().
  if (run_.settings.after == std::chrono::seconds(0)) clean(durable);
  advance(through);
}

void FolderPoll::advance(Uid through) {
  if (lowest_missing_) through = std::min(through, *lowest_missing_ - 1);
  if (through <= progress_.done_through && (known_to_ledger_ || through == 0)) return;
  run_.ledger.advance(run_.settings.name, folder_.name, uid_validity_, through, 0);
  progress_.done_through = std::max(progress_.done_through, through);
  known_to_ledger_ = true;
}

// Of earlier polls: the delay is over, the clean-up was refused, or we died before it.
std::vector<Uid> FolderPoll::left_over() const {
  std::vector<Uid> uids;
  if (run_.dry_run || run_.mark_retrieved || run_.settings.after_fetch == AfterFetch::kKeep) return uids;
  for (const auto& due : run_.ledger.cleanup_due(run_.settings.name, folder_.name, run_.now)) uids.push_back(due.uid);
  return uids;
}

void FolderPoll::clean_left_over() {
  if (followed_->pending().empty()) return;
  if (!follows()) return clean(followed_->pending());
  // With a delay a message falls due long after it changed: its flags are asked for then.
  bool all_pending_were_told = run_.settings.after == std::chrono::seconds(0);
  storage::ModSeq since = all_pending_were_told && selected_modseq_ != 0 ? progress_.highest_modseq : 0;
  if (since != 0 && since == selected_modseq_) return;
  if (!told_by_select_) followed_->ask(session_, since);
  run_.ledger.cleaned_uids(run_.settings.name, folder_.name, followed_->gone());
  clean(followed_->ripe());
}

bool FolderPoll::follows() const {
  return run_.settings.only_if != retrieval::SourceState::kAny && run_.settings.after_fetch != AfterFetch::kKeep &&
         !run_.dry_run && !run_.mark_retrieved;
}

// Which of these have to wait for their clean-up, by the flags they came with.
void FolderPoll::note_states(const std::vector<Listed>& messages) {
  if (!follows()) return;
  for (const Listed& message : messages) {
    if (!has_state(message.flags, run_.settings.only_if)) unripe_.push_back(message.uid);
  }
  std::sort(unripe_.begin(), unripe_.end());
}

// From here on only what changes has to be told, unless something that may be cleaned up could not be.
void FolderPoll::settle_states() {
  if (!follows() || !states_settled_ || !known_to_ledger_) return;
  if (selected_modseq_ == 0 || selected_modseq_ == progress_.highest_modseq) return;
  run_.ledger.advance(run_.settings.name, folder_.name, uid_validity_, progress_.done_through, selected_modseq_);
}

void FolderPoll::clean(const std::vector<Uid>& uids) {
  if (uids.empty() || run_.settings.after_fetch == AfterFetch::kKeep) return;
  if (session_.mailbox().read_only) {
    states_settled_ = false;
    return warn("is read-only: retrieved messages stay as they are");
  }
  MAILSTEAD_FAILPOINT("cleanup.before");
  CleanupOrder order{
      run_.settings.after_fetch, wire_name(run_.settings.move_to, session_.utf8_names()), run_.settings.keyword,
      identity_kind() == IdentityKind::kGmail && !run_.settings.gmail_keeps_deleted, run_.quirks.move_works};
  std::vector<std::string> warnings;
  std::vector<Uid> cleaned = clean_up(session_, order, uids, warnings);
  for (const std::string& warning : warnings) warn(warning);
  states_settled_ = states_settled_ && cleaned.size() == uids.size();
  if (cleaned.empty()) return;
  MAILSTEAD_FAILPOINT("cleanup.after");
  run_.ledger.cleaned_uids(run_.settings.name, folder_.name, cleaned);
  run_.result.cleaned += cleaned.size();
}

void FolderPoll::skip(const retrieval::Incoming& message, const std::string& reason) {
  ++run_.result.skipped;
  if (run_.dry_run) return;
  run_.sink.skipped(message, reason);
}

void FolderPoll::hold_back(Uid uid) {
  lowest_missing_ = std::min(lowest_missing_.value_or(uid), uid);
}

// Another mailbox under the same name: our UIDs mean other messages now.
void FolderPoll::require_same_mailbox() const {
  if (session_.mailbox().uid_validity == uid_validity_) return;
  throw Failure(FailureKind::kTemporary, FailureScope::kFolder,
                "folder \"" + mail::printable(folder_.name, 200) + "\": its UIDVALIDITY changed during the session");
}

void FolderPoll::warn(const std::string& what) {
  run_.result.warnings.push_back("folder \"" + mail::printable(folder_.name, 200) + "\": " + what);
}

storage::SourceRef FolderPoll::source() const {
  storage::SourceRef source;
  source.account = run_.settings.name;
  source.folder = folder_.name;
  source.uid_validity = uid_validity_;
  return source;
}

retrieval::Incoming FolderPoll::incoming(const Listed& listed) const {
  retrieval::Incoming message;
  message.source = source();
  message.source.uid = listed.uid;
  message.size_hint = listed.size.value_or(0);
  message.internal_date = listed.internal_date;
  message.flags = listed.flags;
  message.identity = listed.identity;
  return message;
}

mail::ByteCount FolderPoll::max_message_bytes() const {
  return run_.settings.skip_larger_than == 0 ? mail::kDefaultMaxMessageBytes : run_.settings.skip_larger_than;
}

bool FolderPoll::limits_size() const {
  return max_message_bytes() < mail::kDefaultMaxMessageBytes;
}

// A server that has no sizes at hand reads every message to tell them (Dovecot's Maildir: half the cost of the whole
// transfer), so they are asked for only where they decide something.
ListingWants FolderPoll::wants() const {
  ListingWants wants;
  wants.sizes = run_.dry_run || (limits_size() && !run_.memory.slow_sizes) || progress_.matching;
  wants.message_ids = progress_.matching;
  wants.identity = identity_kind();
  return wants;
}

// Gmail tells labels with it; of others it is of use only where a message may lie in several folders.
IdentityKind FolderPoll::identity_kind() const {
  if (session_.capabilities().has("X-GM-EXT-1")) return IdentityKind::kGmail;
  bool useful = session_.capabilities().has("OBJECTID") && takes_several_folders();
  return useful ? IdentityKind::kObjectId : IdentityKind::kNone;
}

bool FolderPoll::takes_several_folders() const {
  const auto& folders = run_.settings.folders;
  return folders.size() > 1 || std::any_of(folders.begin(), folders.end(), [](const std::string& name) {
           return name.find_first_of("*?") != std::string::npos || name.starts_with('\\');
         });
}

void FolderPoll::add_labels(Listed& message) const {
  if (identity_kind() == IdentityKind::kGmail) add_gmail_labels(message.labels, folder_, message.flags);
  message.labels.clear();
}

}  // namespace mailstead::imap
