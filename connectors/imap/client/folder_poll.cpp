#include "connectors/imap/client/folder_poll.h"

#include <algorithm>
#include <utility>

#include "connectors/imap/client/select.h"
#include "connectors/imap/client/source_cleanup.h"
#include "mail/escape.h"
#include "mail/failpoint.h"
#include "mail/failure.h"
#include "mail/units.h"

namespace mailstead::imap {
namespace {

using mail::Failure;
using mail::FailureKind;
using mail::FailureScope;
using storage::Uid;

constexpr int kMaxAttempts = 5;                     // then a message is left on the server, and said so
constexpr std::uint32_t kSmallFolder = kMaxListed;  // listed in one go
constexpr std::size_t kSparse = 1000, kDense = kMaxListed / 2;
constexpr std::size_t kMaxRememberedAttempts = 10'000;

}  // namespace

void FolderPoll::run() {
  run_.observer.stage("looking into " + mail::printable(folder_.name, 200));
  if (auto progress = run_.ledger.folder(run_.settings.name, folder_.name)) {
    progress_ = std::move(*progress);
    known_to_ledger_ = true;
  }
  std::optional<UidListing> early;
  select(early);
  restart_if_recreated();
  clean_left_over();
  fetch_new(std::move(early));
}

// A folder that was seen before is listed from where we left off in the same write: if it is not the folder that it
// was, the list is thrown away.
void FolderPoll::select(std::optional<UidListing>& early) {
  bool read_only = run_.dry_run || run_.settings.after_fetch == retrieval::AfterFetch::kKeep;
  Tag selecting = begin_select(session_, folder_.wire, read_only);
  Tag listing = 0;
  bool likely_short = known_to_ledger_ && progress_.done_through > 0 && progress_.done_through < UINT32_MAX &&
                      !run_.memory.unfinished[folder_.name];
  if (likely_short) {
    early.emplace(progress_.done_through + 1, 0, wants_sizes());
    listing = early->send(session_);
  }
  try {
    finish_select(session_, selecting, folder_.name);
  } catch (const Failure& failure) {
    if (failure.scope() == FailureScope::kFolder && listing != 0) (void)session_.finish(listing);
    throw;
  }
  uid_validity_ = *session_.mailbox().uid_validity;
  if (listing == 0) return;
  Completion end = session_.finish(listing, *early);
  if (!end.ok()) early.reset();  // asked again, alone
  if (uid_validity_ != progress_.uid_validity) early.reset();
}

void FolderPoll::restart_if_recreated() {
  if (!known_to_ledger_ || progress_.uid_validity == uid_validity_) return;
  warn("was recreated on the server (UIDVALIDITY " + std::to_string(progress_.uid_validity) + " became " +
       std::to_string(uid_validity_) + "): all of it is read again, duplicates are recognised by their content");
  if (!run_.dry_run) run_.ledger.restart_folder(run_.settings.name, folder_.name, uid_validity_);
  progress_ = {};
  progress_.uid_validity = uid_validity_;
}

void FolderPoll::clean_left_over() {
  if (run_.dry_run || run_.settings.after_fetch == retrieval::AfterFetch::kKeep) return;
  std::vector<Uid> uids;
  for (const auto& due : run_.ledger.cleanup_due(run_.settings.name, folder_.name, run_.now)) uids.push_back(due.uid);
  clean(uids);
}

bool FolderPoll::nothing_new() const {
  const MailboxState& mailbox = session_.mailbox();
  if (mailbox.exists == 0U) return true;
  // QUIRK: servers without [UIDNEXT] (optional before RFC 9051): the listing tells.
  if (!mailbox.uid_next) return false;
  return *mailbox.uid_next - 1 <= progress_.done_through;
}

void FolderPoll::fetch_new(std::optional<UidListing> early) {
  if (progress_.done_through == UINT32_MAX) return;
  if (!early && nothing_new()) {
    if (session_.mailbox().uid_next) settle_window(*session_.mailbox().uid_next - 1);
    return;
  }
  Window window = early ? window_of(*early, 0) : next_window(progress_.done_through + 1);
  while (true) {
    Uid through = window.through;
    bool last = window.last;
    bool whole = take(std::move(window));
    run_.memory.unfinished[folder_.name] = !whole;
    if (!whole || last || through == UINT32_MAX) return;
    window = next_window(through + 1);
  }
}

FolderPoll::Window FolderPoll::window_of(UidListing& listing, Uid to) {
  Window window;
  window.messages = listing.take();
  Uid newest = window.messages.empty() ? 0 : window.messages.back().uid;
  if (auto cut = listing.cut_after()) {
    window.through = *cut;
    window.last = false;
  } else if (to != 0) {
    window.through = to;
    window.last = false;
  } else {
    window.through = std::max(newest, session_.mailbox().uid_next.value_or(1) - 1);
  }
  return window;
}

// Large folders are listed by ranges of UIDs whose width follows how densely they are used.
FolderPoll::Window FolderPoll::next_window(Uid from) {
  const MailboxState& mailbox = session_.mailbox();
  std::uint32_t newest = mailbox.uid_next.value_or(0) - 1;  // all ones when unknown
  bool small = mailbox.exists.value_or(0) <= kSmallFolder || newest < from || newest - from < kSmallFolder;
  Uid to = small || newest - from < span_ || !mailbox.uid_next ? 0 : from + (span_ - 1);
  UidListing listing(from, to, wants_sizes());
  Completion end = session_.finish(listing.send(session_), listing);
  if (!end.ok()) {
    throw Failure(FailureKind::kTemporary, FailureScope::kFolder,
                  "folder \"" + mail::printable(folder_.name, 200) + "\": cannot be listed: " + end.text);
  }
  Window window = window_of(listing, to);
  if (window.messages.size() < kSparse && span_ < UINT32_MAX / 4) span_ *= 4;
  if (window.messages.size() > kDense) span_ = std::max<std::uint32_t>(1000, span_ / 2);
  return window;
}

bool FolderPoll::take(Window window) {
  leave_out_known_and_large(window.messages);
  std::vector<Listed>& messages = window.messages;
  bool whole = !run_.left || messages.size() <= *run_.left;
  if (!whole) {
    window.through = messages[*run_.left].uid - 1;
    messages.resize(*run_.left);
    run_.result.more = true;
  }
  if (run_.left) *run_.left -= messages.size();
  if (!messages.empty()) {
    mail::ByteCount bytes = 0;
    for (const Listed& message : messages) bytes += message.size.value_or(0);
    run_.observer.found(folder_.name, messages.size(), bytes);
  }
  if (run_.dry_run) {
    for (const Listed& message : messages) run_.observer.would_fetch(incoming(message));
    return whole;
  }
  if (!messages.empty()) download(messages);
  settle_window(window.through);
  return whole;
}

void FolderPoll::leave_out_known_and_large(std::vector<Listed>& messages) {
  std::erase_if(messages, [&](const Listed& message) {
    if (progress_.done(message.uid)) return true;
    if (message.size.value_or(0) <= max_message_bytes()) return false;
    skip(incoming(message), "larger than " + mail::format_size(max_message_bytes()));
    return true;
  });
}

void FolderPoll::download(const std::vector<Listed>& messages) {
  run_.observer.stage("fetching from " + mail::printable(folder_.name, 200));
  DownloadOptions options;
  options.window_bytes = std::max<mail::ByteCount>(run_.settings.window_bytes, 4096);
  options.max_message_bytes = max_message_bytes();
  options.one_by_one = run_.memory.one_by_one;
  options.too_large = [&](const retrieval::Incoming& message) {
    skip(message, "larger than " + mail::format_size(max_message_bytes()));
  };
  storage::SourceRef source;
  source.account = run_.settings.name;
  source.folder = folder_.name;
  source.uid_validity = uid_validity_;
  BodyDownload body_download(session_, run_.sink, source, options);
  unflushed_ = true;
  DownloadResult got = body_download.run(messages);
  run_.result.fetched += got.fetched;
  run_.result.bytes += got.bytes;
  run_.memory.one_by_one = got.one_by_one;
  for (const auto& missing : got.missing) {
    auto listed = std::lower_bound(messages.begin(), messages.end(), missing.uid,
                                   [](const Listed& message, Uid uid) { return message.uid < uid; });
    count_attempt(*listed, missing.reason);
  }
  if (got.missing.empty()) return;
  warn(std::to_string(got.missing.size()) + " message(s) were listed but not delivered, first UID " +
       std::to_string(got.missing.front().uid) + ": " + got.missing.front().reason);
}

// One that was expunged meanwhile is not listed again and so forgotten; one that the server never gives is left to it
// after kMaxAttempts polls.
void FolderPoll::count_attempt(const Listed& message, const std::string& reason) {
  auto& attempts = run_.memory.attempts;
  if (attempts.size() > kMaxRememberedAttempts) attempts.clear();
  if (++attempts[{folder_.name, uid_validity_, message.uid}] < kMaxAttempts) {
    lowest_missing_ = std::min(lowest_missing_.value_or(message.uid), message.uid);
    return;
  }
  attempts.erase({folder_.name, uid_validity_, message.uid});
  skip(incoming(message), reason);
}

void FolderPoll::settle_window(Uid through) {
  if (run_.dry_run) return;
  if (std::exchange(unflushed_, false)) run_.sink.flush();
  require_same_mailbox();
  std::vector<Uid> durable;
  for (const storage::SourceRef& source : run_.sink.take_durable()) {
    if (source.folder == folder_.name && source.uid_validity == uid_validity_) durable.push_back(source.uid);
  }
  // With a delay the ledger says when: see clean_left_over().
  if (run_.settings.after == std::chrono::seconds(0)) clean(durable);
  if (lowest_missing_) through = std::min(through, *lowest_missing_ - 1);
  if (through <= progress_.done_through && (known_to_ledger_ || through == 0)) return;
  run_.ledger.advance(run_.settings.name, folder_.name, uid_validity_, through, 0);
  progress_.done_through = std::max(progress_.done_through, through);
  known_to_ledger_ = true;
}

void FolderPoll::clean(const std::vector<Uid>& uids) {
  if (uids.empty() || run_.settings.after_fetch == retrieval::AfterFetch::kKeep) return;
  if (session_.mailbox().read_only) return warn("is read-only: retrieved messages stay as they are");
  MAILSTEAD_FAILPOINT("cleanup.before");
  CleanupOrder order{run_.settings.after_fetch, wire_name(run_.settings.move_to, session_.utf8_names())};
  std::vector<std::string> warnings;
  std::vector<Uid> cleaned = clean_up(session_, order, uids, warnings);
  for (const std::string& warning : warnings) warn(warning);
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

// Another mailbox under the same name: our UIDs mean other messages now.
void FolderPoll::require_same_mailbox() const {
  if (session_.mailbox().uid_validity == uid_validity_) return;
  throw Failure(FailureKind::kTemporary, FailureScope::kFolder,
                "folder \"" + mail::printable(folder_.name, 200) + "\": its UIDVALIDITY changed during the session");
}

void FolderPoll::warn(const std::string& what) {
  run_.result.warnings.push_back("folder \"" + mail::printable(folder_.name, 200) + "\": " + what);
}

retrieval::Incoming FolderPoll::incoming(const Listed& listed) const {
  retrieval::Incoming message;
  message.source.account = run_.settings.name;
  message.source.folder = folder_.name;
  message.source.uid_validity = uid_validity_;
  message.source.uid = listed.uid;
  message.size_hint = listed.size.value_or(0);
  message.internal_date = listed.internal_date;
  message.flags = listed.flags;
  return message;
}

mail::ByteCount FolderPoll::max_message_bytes() const {
  return run_.settings.skip_larger_than == 0 ? mail::kDefaultMaxMessageBytes : run_.settings.skip_larger_than;
}

// A server that has no sizes at hand reads every message to tell them (Dovecot's Maildir: half the cost of the whole
// transfer), so they are asked for only where they decide something.
bool FolderPoll::wants_sizes() const {
  return run_.dry_run || run_.settings.skip_larger_than != 0;
}

}  // namespace mailstead::imap
