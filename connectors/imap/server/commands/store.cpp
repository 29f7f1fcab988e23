#include "connectors/imap/server/commands/commands.h"

#include "connectors/imap/server/arguments.h"
#include "connectors/imap/server/message_set.h"

namespace mailstead::imap::commands {
namespace {

constexpr std::size_t kBatch = 1000;  // messages per durable change

// RFC 3501 §6.4.6.
class StoreTask final : public Task {
 public:
  StoreTask(Conversation& session, bool by_uid, std::vector<std::uint32_t> positions, storage::FlagChange change,
            bool silent, mail::Flags flags)
      : session_(session),
        by_uid_(by_uid),
        positions_(std::move(positions)),
        change_(change),
        silent_(silent),
        flags_(std::move(flags)) {}

  Step run(std::string& output) override {
    while (answered_ < positions_.size()) {
      if (output.size() > net::kOutputHighWater) return Step::kMore;
      if (answered_ == changed_) change_batch();
      if (!silent_) say(positions_[answered_], output);
      ++answered_;
    }
    if (gone_ && !by_uid_) return done(Answer::Kind::kNo, "[EXPUNGEISSUED] Some of the messages no longer exist.");
    return done(Answer::Kind::kOk, "Store completed.");
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
    auto states = session_.mail().change_flags(view.mailbox().id, uids, change_, flags_, std::nullopt, nullptr);
    for (const auto& state : states) {
      if (auto position = view.position_of(state.uid)) view.assume(*position, change_, flags_);
    }
    // Keywords of the states are known by the changes only; what others did in between shows there, too.
    view.mark_dirty();
    if (!view.pull()) {
      gone_ = true;
      view.mark_dirty();  // the end of the command finds it again and says BYE
    }
  }

  void say(std::size_t position, std::string& output) {
    MailboxView& view = session_.view();
    if (view.gone(position)) {
      gone_ = true;
      return;
    }
    output += "* " + std::to_string(position + 1) + " FETCH (";
    if (by_uid_) output += "UID " + std::to_string(view.entry(position).uid) + " ";
    output += "FLAGS ";
    view.append_flags(output, position);
    output += ")\r\n";
    view.told(position);
  }

  Conversation& session_;
  bool by_uid_;
  std::vector<std::uint32_t> positions_;
  storage::FlagChange change_;
  bool silent_;
  mail::Flags flags_;
  std::size_t changed_ = 0, answered_ = 0;
  bool gone_ = false;
};

}  // namespace

Outcome store(Conversation& session, Request& request) {
  Cursor& arguments = request.arguments;
  arguments.expect_space();
  auto positions = read_message_set(arguments, session.view(), request.by_uid);
  arguments.expect_space();
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
  return std::make_unique<StoreTask>(session, request.by_uid, std::move(positions), change, item != "FLAGS",
                                     std::move(flags));
}

}  // namespace mailstead::imap::commands
