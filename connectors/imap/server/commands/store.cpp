#include "connectors/imap/server/commands/commands.h"

#include "connectors/imap/server/arguments.h"
#include "connectors/imap/server/message_set.h"
#include "mail/failure.h"

#include <algorithm>

namespace mailstead::imap::commands {
namespace {

// Messages per change of the store: those of nearly all mailboxes in one, while others wait for a tenth of a second.
constexpr std::size_t kBatch = 50'000;

// RFC 3501 §6.4.6.
class StoreTask final : public Task {
 public:
  StoreTask(Conversation& session, bool by_uid, std::vector<std::uint32_t> positions, storage::FlagChange change,
            bool silent, mail::Flags flags, std::optional<storage::ModSeq> unchanged_since)
      : session_(session),
        by_uid_(by_uid),
        positions_(std::move(positions)),
        change_(change),
        silent_(silent),
        flags_(std::move(flags)),
        unchanged_since_(unchanged_since) {}

  Step run(std::string& output) override {
    while (answered_ < positions_.size()) {
      if (output.size() > net::kOutputHighWater) return Step::kMore;
      if (answered_ == changed_) change_batch();
      if (!refused(positions_[answered_])) say(positions_[answered_], output);
      ++answered_;
    }
    return end();
  }

 private:
  void change_batch() {
    MailboxView& view = session_.view();
    std::vector<storage::Uid> uids;
    std::size_t end = std::min(positions_.size(), changed_ + kBatch);
    for (; changed_ < end; ++changed_) {
      if (!view.gone(positions_[changed_])) uids.push_back(view.entry(positions_[changed_]).uid);
    }
    if (uids.empty()) return;
    std::vector<storage::Uid> refused;
    auto states = session_.mail().change_flags(view.mailbox().id, uids, change_, flags_, unchanged_since_, &refused);
    for (const auto& state : states) {
      if (auto position = view.position_of(state.uid)) view.assume(*position, change_, flags_, state.modseq);
    }
    for (storage::Uid uid : refused) {
      if (auto position = view.position_of(uid)) refused_.push_back(static_cast<std::uint32_t>(*position));
    }
    // Keywords of the states are known by the changes only; what others did in between shows there, too.
    view.mark_dirty();
    try {
      if (view.pull()) return;
    } catch (const mail::Failure&) {
      // Changed all the same, and nobody would say so.
      for (const auto& state : states) {
        if (auto position = view.position_of(state.uid)) view.tell_later(*position);
      }
      throw;
    }
    gone_ = true;
    view.mark_dirty();  // the end of the command finds it again and says BYE
  }

  // Positions come in ascending order, and so do those that were refused.
  [[nodiscard]] bool refused(std::uint32_t position) const {
    return std::binary_search(refused_.begin(), refused_.end(), position);
  }

  // RFC 7162 §3.1.3: the new MODSEQ is said even when the flags are not.
  void say(std::size_t position, std::string& output) {
    MailboxView& view = session_.view();
    if (view.gone(position)) {
      gone_ = gone_ || !silent_;
      return;
    }
    const bool with_modseq = session_.enabled.condstore;
    if (silent_ && !with_modseq) return;
    output += "* " + std::to_string(position + 1) + " FETCH (";
    if (by_uid_ || session_.enabled.qresync) output += "UID " + std::to_string(view.entry(position).uid) + ' ';
    if (!silent_) {
      output += "FLAGS ";
      view.append_flags(output, position);
      if (with_modseq) output += ' ';
    }
    if (with_modseq) output += "MODSEQ (" + std::to_string(view.entry(position).modseq) + ')';
    output += ")\r\n";
    if (!silent_) view.told(position);
  }

  Step end() {
    std::string modified;
    if (!refused_.empty()) {
      for (std::uint32_t& position : refused_) position = by_uid_ ? session_.view().entry(position).uid : position + 1;
      modified = "[MODIFIED " + SequenceSet::of(std::move(refused_)).text() + "] ";
    }
    if (gone_ && !by_uid_) {
      return done(Answer::Kind::kNo,
                  (modified.empty() ? "[EXPUNGEISSUED] " : modified) + "Some of the messages no longer exist.");
    }
    return done(Answer::Kind::kOk, modified + (modified.empty() ? "Store completed." : "Some had changed meanwhile."));
  }

  Conversation& session_;
  bool by_uid_;
  std::vector<std::uint32_t> positions_;
  storage::FlagChange change_;
  bool silent_;
  mail::Flags flags_;
  std::optional<storage::ModSeq> unchanged_since_;
  std::vector<std::uint32_t> refused_;
  std::size_t changed_ = 0, answered_ = 0;
  bool gone_ = false;
};

// RFC 7162 §3.1.3, by the syntax of RFC 4466 §2.5.
std::optional<storage::ModSeq> read_unchanged_since(Cursor& cursor) {
  if (cursor.peek() != '(') return std::nullopt;
  std::optional<storage::ModSeq> since;
  cursor.expect_list([&] {
    if (read_item_name(cursor) != "UNCHANGEDSINCE") reject("unknown modifier of STORE");
    cursor.expect_space();
    since = cursor.expect_number(kLargestModSeq);
  });
  if (!since) reject("expected a modifier of STORE");
  cursor.expect_space();
  return since;
}

}  // namespace

Outcome store(Conversation& session, Request& request) {
  Cursor& arguments = request.arguments;
  arguments.expect_space();
  auto positions = read_message_set(arguments, session.view(), request.by_uid);
  arguments.expect_space();
  auto unchanged_since = read_unchanged_since(arguments);
  auto change = storage::FlagChange::kReplace;
  if (arguments.try_char('+')) {
    change = storage::FlagChange::kAdd;
  } else if (arguments.try_char('-')) {
    change = storage::FlagChange::kRemove;
  }
  std::string item = read_item_name(arguments);
  if (item != "FLAGS" && item != "FLAGS.SILENT") reject("expected FLAGS");
  arguments.expect_space();
  mail::Flags flags = read_flags(arguments);
  if (session.view().read_only()) return no("[READ-ONLY] The mailbox was opened read-only.");
  if (unchanged_since) session.use_modseq(request.output);
  return std::make_unique<StoreTask>(session, request.by_uid, std::move(positions), change, item != "FLAGS",
                                     std::move(flags), unchanged_since);
}

}  // namespace mailstead::imap::commands
