#include "connectors/imap/client/followed_flags.h"

#include <algorithm>
#include <utility>

#include "connectors/imap/client/fetch_items.h"
#include "connectors/imap/client/search.h"
#include "connectors/imap/client/uid_set_text.h"
#include "connectors/imap/codec/cursor.h"
#include "connectors/imap/codec/sequence_set.h"
#include "mail/failure.h"

namespace mailstead::imap {

using retrieval::SourceState;
using storage::Uid;

bool has_state(const mail::Flags& flags, SourceState state) noexcept {
  switch (state) {
    case SourceState::kAny: return true;
    case SourceState::kSeen: return flags.has(mail::kSeen);
    case SourceState::kAnswered: return flags.has(mail::kAnswered);
    case SourceState::kFlagged: return flags.has(mail::kFlagged);
    case SourceState::kUnflagged: return !flags.has(mail::kFlagged);
  }
  return true;
}

FollowedFlags::FollowedFlags(std::vector<Uid> pending, SourceState wanted)
    : pending_(std::move(pending)), states_(pending_.size(), State::kUntold), wanted_(wanted) {}

std::string FollowedFlags::select_parameter(std::uint32_t uid_validity, storage::ModSeq modseq) const {
  std::string set = SequenceSet::of(pending_).text();
  if (set.empty() || set.size() > kMaxSetText) return {};
  return " (QRESYNC (" + std::to_string(uid_validity) + ' ' + std::to_string(modseq) + ' ' + set + "))";
}

void FollowedFlags::ask(Session& session, storage::ModSeq modseq) {
  const std::string since = modseq == 0 ? "" : " (CHANGEDSINCE " + std::to_string(modseq) + ")";
  std::vector<std::string> sets = SequenceSet::of(pending_).chunks(kMaxSetText);
  std::vector<Tag> tags;
  for (const std::string& set : sets)
    tags.push_back(session.send(CommandText("UID FETCH " + set + " (UID FLAGS)" + since)));
  std::string refusal;
  for (Tag tag : tags) {
    Completion end = session.finish(tag, *this);
    if (!end.ok()) refusal = end.text;
  }
  if (!refusal.empty()) {
    throw mail::Failure(mail::FailureKind::kTemporary, mail::FailureScope::kFolder,
                        "the server does not tell the flags of retrieved messages: " + refusal);
  }
  // Without CHANGEDSINCE all that are there were told.
  if (modseq == 0) {
    std::replace(states_.begin(), states_.end(), State::kUntold, State::kGone);
    return;
  }
  for (const std::string& set : sets) {
    std::vector<Uid> there = search_uids(session, "UID " + set);
    auto asked = SequenceSet::parse(set);
    for (std::size_t i = 0; i < pending_.size(); ++i) {
      bool missing = asked->contains(pending_[i]) && !std::binary_search(there.begin(), there.end(), pending_[i]);
      if (missing) states_[i] = State::kGone;
    }
  }
}

FollowedFlags::State* FollowedFlags::state_of(Uid uid) {
  auto at = std::lower_bound(pending_.begin(), pending_.end(), uid);
  return at != pending_.end() && *at == uid ? &states_[static_cast<std::size_t>(at - pending_.begin())] : nullptr;
}

bool FollowedFlags::untagged(const Response& response) {
  if (response.is_data("VANISHED")) return vanished(response.rest);
  if (!response.is_data("FETCH")) return false;
  FetchItems items = decode_fetch(response);
  if (!items.uid || !items.flags) return false;
  State* state = state_of(*items.uid);
  if (state == nullptr) return false;
  bool first = *state == State::kUntold;
  *state = has_state(*items.flags, wanted_) ? State::kRipe : State::kWaits;
  return first;
}

// "(EARLIER) 41,43:116" or "405,407".
bool FollowedFlags::vanished(std::string_view rest) {
  Cursor cursor(rest);
  if (cursor.peek() == '(') {
    cursor.skip_value();
    cursor.skip_spaces();
  }
  auto set = SequenceSet::parse(cursor.rest());
  if (!set) return false;
  SequenceSet gone = set->resolved(UINT32_MAX);
  for (std::size_t i = 0; i < pending_.size(); ++i) {
    if (gone.contains(pending_[i])) states_[i] = State::kGone;
  }
  return true;
}

std::vector<Uid> FollowedFlags::with(State state) const {
  std::vector<Uid> uids;
  for (std::size_t i = 0; i < pending_.size(); ++i) {
    if (states_[i] == state) uids.push_back(pending_[i]);
  }
  return uids;
}

}  // namespace mailstead::imap
