// FolderPoll, from SELECT to the first messages.
#include "connectors/imap/client/folder_poll.h"

#include <algorithm>
#include <utility>

#include "connectors/imap/client/select.h"
#include "mail/failure.h"
#include "mail/units.h"
#include "storage/uid_ranges.h"

namespace mailstead::imap {
namespace {

using mail::Failure;
using mail::FailureScope;
using storage::Uid;

// So many messages are asked for before it is known whether they exist: a day's mail between two polls. More are
// listed first, so that the windows bound them.
constexpr std::uint32_t kDirect = 50;

// An answer that nobody wants any more, bodies and all.
class Unwanted final : public ResponseHandler {
 public:
  bool takes_literal(std::string_view /*line*/, mail::ByteCount /*size*/) override { return true; }
  bool untagged(const Response& response) override { return response.is_data("FETCH"); }
};

}  // namespace

FolderPoll::Flight FolderPoll::select() {
  bool read_only = run_.dry_run || run_.mark_retrieved || run_.settings.after_fetch == retrieval::AfterFetch::kKeep;
  Tag selecting = begin_select(session_, folder_.wire, read_only, follow_by_select());
  Flight flight;
  send_ahead(flight);
  try {
    finish_select(session_, selecting, folder_.name, *followed_);
  } catch (const Failure& failure) {
    if (failure.scope() == FailureScope::kFolder) drop(flight);
    throw;
  }
  uid_validity_ = *session_.mailbox().uid_validity;
  selected_modseq_ = session_.mailbox().highest_modseq;
  // More than was asked for: its listing travels while the first bodies come in.
  auto next = session_.mailbox().uid_next;
  if (flight.direct && next && *next - 1 > flight.direct->last && *next - flight.direct->last < kMaxListed &&
      uid_validity_ == progress_.uid_validity) {
    flight.listing.emplace(flight.direct->last + 1, 0, wants());
    flight.listing_tags = flight.listing->send(session_);
  }
  return flight;
}

// With QRESYNC the answer to SELECT tells what happened to the messages that wait for their state.
// QUIRK: Dovecot tells HIGHESTMODSEQ, which the next poll needs for that, only to who asked for CONDSTORE
std::string FolderPoll::follow_by_select() {
  const Capabilities& offered = session_.capabilities();
  if (!follows()) return {};
  bool since_known =
      known_to_ledger_ && progress_.highest_modseq != 0 && run_.settings.after == std::chrono::seconds(0);
  bool asks = since_known && offered.has("QRESYNC") && offered.has("ENABLE") && !followed_->pending().empty();
  std::string parameter =
      asks ? followed_->select_parameter(progress_.uid_validity, progress_.highest_modseq) : std::string();
  told_by_select_ = !parameter.empty();
  if (told_by_select_) session_.send_unwatched(CommandText("ENABLE QRESYNC"));
  if (!told_by_select_ && offered.has("CONDSTORE")) return " (CONDSTORE)";
  return parameter;
}

// Only for a folder that was read before: another may hold anything.
void FolderPoll::send_ahead(Flight& flight) {
  bool likely_short = known_to_ledger_ && progress_.done_through > 0 && progress_.done_through < UINT32_MAX &&
                      !progress_.matching && !run_.memory.unfinished[folder_.name];
  if (!likely_short) return;
  std::uint32_t most = kDirect;
  if (run_.left) most = static_cast<std::uint32_t>(std::min<std::uint64_t>(most, *run_.left));
  Uid from = progress_.done_through + 1;
  storage::UidRange range{from, from + std::min(most, UINT32_MAX - from + 1) - 1};
  if (most > 0 && may_ask_directly(range)) {
    flight.direct = range;
    flight.direct_tag = session_.send(BodyDownload::direct_command(range, listing_items(wants())));
    return;
  }
  flight.listing.emplace(from, 0, wants());
  flight.listing_tags = flight.listing->send(session_);
}

bool FolderPoll::may_ask_directly(const storage::UidRange& range) const {
  bool whole = !run_.dry_run && !run_.mark_retrieved && !run_.since && !limits_size();
  // One that lies in another folder too is not to be fetched again: that is seen before its body is asked for.
  if (identity_kind() != IdentityKind::kNone && takes_several_folders()) return false;
  return whole && progress_.done_beyond.empty() && !troubles_.any_in(range.first, range.last) &&
         !run_.memory.one_by_one && !run_.memory.unpipelined && run_.quirks.bears_pipelining;
}

void FolderPoll::check_numbering(Flight& flight) {
  if (known_to_ledger_ && progress_.uid_validity != uid_validity_) {
    drop(flight);
    told_by_select_ = false;
    restart(progress_.uid_validity);
  } else if (!known_to_ledger_) {
    troubles_.load(uid_validity_);
  }
}

void FolderPoll::restart(std::uint32_t before) {
  warn("has a new numbering (UIDVALIDITY " + std::to_string(before) + " became " + std::to_string(uid_validity_) +
       "): what was retrieved before is recognised, the rest is fetched");
  progress_ = {};
  progress_.uid_validity = uid_validity_;
  if (run_.dry_run) return;
  run_.ledger.restart_folder(run_.settings.name, folder_.name, uid_validity_);
  followed_.emplace(std::vector<Uid>{}, run_.settings.only_if);  // their numbers mean nothing any more
  progress_.matching = true;
  troubles_.load(uid_validity_);
}

void FolderPoll::drop(Flight& flight) {
  Unwanted unwanted;
  if (flight.direct) (void)session_.finish(flight.direct_tag, unwanted);
  for (Tag tag : flight.listing_tags) (void)session_.finish(tag, unwanted);
  flight = {};
}

// Reads the answers in the order in which they were asked for.
void FolderPoll::land(Flight& flight, std::optional<Window>& first) {
  bool gaps = flight.direct && !take_direct(flight);
  if (flight.listing) {
    if (flight.listing->finish(session_, flight.listing_tags).ok()) first = window_of(*flight.listing, 0);
  }
  auto next = session_.mailbox().uid_next;
  if (flight.direct && next) {
    // A number that was not announced may be of a message that was left out: the listing tells.
    Uid last = std::min(flight.direct->last, *next - 1);
    if (gaps && last >= flight.direct->first) {
      UidListing listing(flight.direct->first, last, wants());
      if (!listing.run(session_).ok() || !take(window_of(listing, last))) first.reset();
    } else if (!gaps) {
      settle(last);
    }
  }
  mend_uid_next();
}

// True when all UIDs of the range that can exist have come in.
bool FolderPoll::take_direct(const Flight& flight) {
  BodyDownload body_download(session_, run_.sink, source(), download_options());
  DownloadResult got;
  try {
    got = body_download.run_direct(flight.direct_tag, *flight.direct);
  } catch (const Failure& failure) {
    note_interrupted(failure, body_download.under_way());
    throw;
  }
  count(got);
  unflushed_ = unflushed_ || got.fetched > 0;
  if (run_.left) *run_.left -= std::min<std::uint64_t>(*run_.left, got.fetched);
  note_states(got.found);
  if (!got.found.empty()) run_.observer.found(folder_.name, got.found.size(), got.bytes);
  for (const Listed& message : got.found) storage::add(progress_.done_beyond, message.uid, message.uid);
  if (session_.mailbox().exists == 0U) return true;
  auto next = session_.mailbox().uid_next;
  if (!next) return false;
  std::uint64_t expected =
      *next <= flight.direct->first ? 0 : std::min(flight.direct->last, *next - 1) - flight.direct->first + 1;
  return got.all_taken && got.announced == expected;
}

// QUIRK: mailboxes restored from a backup keep their UIDVALIDITY, and UIDNEXT goes back: what is appended from then on
// has numbers that are done already. A UIDNEXT that is merely wrong is known by a message above it.
void FolderPoll::mend_uid_next() {
  auto next = session_.mailbox().uid_next;
  if (!known_to_ledger_ || !next || *next > progress_.done_through) return;
  UidListing newest(progress_.done_through, 0, {});
  if (!newest.run(session_).ok() || !newest.take().empty()) {
    session_.mailbox().uid_next.reset();
    return;
  }
  warn("its UIDNEXT went back from " + std::to_string(progress_.done_through + 1) + " to " + std::to_string(*next) +
       ": it is read again from there");
  if (run_.dry_run) return;
  run_.ledger.rewind(run_.settings.name, folder_.name, *next - 1);
  progress_ = run_.ledger.folder(run_.settings.name, folder_.name).value_or(storage::FolderProgress{});
  walked_ = 0;
}

DownloadOptions FolderPoll::download_options() {
  DownloadOptions options;
  options.max_window_bytes = std::max<mail::ByteCount>(run_.settings.window_bytes, 4096);
  if (run_.memory.window_bytes != 0) options.window_bytes = run_.memory.window_bytes;
  options.max_message_bytes = max_message_bytes();
  options.one_by_one = run_.memory.one_by_one;
  options.pipelined = run_.quirks.bears_pipelining && !run_.memory.unpipelined;
  options.prepare = [&](Listed& message) { add_labels(message); };
  options.too_large = [&](const retrieval::Incoming& message) {
    skip(message, "larger than " + mail::format_size(max_message_bytes()));
  };
  return options;
}

void FolderPoll::count(const DownloadResult& got) {
  run_.result.fetched += got.fetched;
  run_.result.bytes += got.bytes;
  run_.memory.one_by_one = got.one_by_one;
  // What is learnt of one server; that of a kind is known anyway.
  if (run_.quirks.bears_pipelining) run_.memory.unpipelined = !got.pipelined;
  run_.memory.window_bytes = got.window_bytes;
}

}  // namespace mailstead::imap
