#include "connectors/imap/client/source_cleanup.h"

#include <algorithm>

#include "connectors/imap/client/search.h"
#include "connectors/imap/codec/sequence_set.h"

namespace mailstead::imap {
namespace {

using storage::Uid;

constexpr std::size_t kMaxSetText = 1000;
constexpr std::size_t kBatchesUnderWay = 8;

// Every EXPUNGE of a batch is progress, as far as messages were named.
class ExpungeHandler final : public ResponseHandler {
 public:
  explicit ExpungeHandler(std::size_t expected) : left_(expected) {}
  bool untagged(const Response& response) override {
    bool gone = response.is_data("EXPUNGE") || response.is_data("FETCH");
    if (!gone || left_ == 0) return false;
    --left_;
    return true;
  }

 private:
  std::size_t left_;
};

class CleanupRun {
 public:
  CleanupRun(Session& session, const CleanupOrder& order, const std::vector<Uid>& uids,
             std::vector<std::string>& warnings)
      : session_(session), order_(order), uids_(uids), warnings_(warnings), handler_(2 * uids.size()) {}

  // One batch after the other would cost a round trip each: several are under way.
  bool all(const std::vector<std::string>& sets, const std::vector<std::string>& commands) {
    bool done = true;
    for (std::size_t i = 0; i < sets.size(); i += kBatchesUnderWay) {
      std::vector<Tag> tags;
      for (std::size_t j = i; j < std::min(sets.size(), i + kBatchesUnderWay); ++j) {
        for (const std::string& command : commands) tags.push_back(session_.send(command_on(sets[j], command)));
      }
      for (Tag tag : tags) done = ended_well(session_.finish(tag, handler_)) && done;
    }
    return done;
  }

  std::vector<Uid> run() {
    std::vector<std::string> sets = SequenceSet::of(uids_).chunks(kMaxSetText);
    bool done = false;
    switch (order_.what) {
      case retrieval::AfterFetch::kKeep: return {};
      case retrieval::AfterFetch::kSeen: done = all(sets, {"UID STORE % +FLAGS.SILENT (\\Seen)"}); break;
      case retrieval::AfterFetch::kKeyword: break;  // to come
      case retrieval::AfterFetch::kDelete: done = remove(sets); break;
      case retrieval::AfterFetch::kMove: done = move(sets); break;
    }
    return done ? uids_ : std::vector<Uid>{};
  }

 private:
  [[nodiscard]] CommandText command_on(const std::string& set, std::string_view command) const {
    std::size_t place = command.find('%'), folder = command.find('@');
    CommandText text(command.substr(0, place));
    text.raw(set).raw(command.substr(place + 1, folder == std::string_view::npos ? folder : folder - place - 1));
    if (folder != std::string_view::npos) text.mailbox(order_.move_to, session_.capabilities(), session_.utf8_names());
    return text;
  }

  bool ended_well(const Completion& end) {
    if (end.ok()) return true;
    missing_target_ = missing_target_ || end.has_code("TRYCREATE");
    if (!end.has_code("TRYCREATE") || created_) warnings_.push_back("clean-up was refused: " + end.text);
    return false;
  }

  bool remove(const std::vector<std::string>& sets) {
    // QUIRK: Exchange, fetchmail imap.c:1393: sends "deleted unread" receipts unless \Seen is set with \Deleted.
    const std::string mark = "UID STORE % +FLAGS.SILENT (\\Seen \\Deleted)";
    if (session_.capabilities().has("UIDPLUS")) return all(sets, {mark, "UID EXPUNGE %"});
    if (!all(sets, {mark})) return false;
    SequenceSet ours = SequenceSet::of(uids_);
    for (Uid uid : search_uids(session_, "DELETED")) {
      if (ours.contains(uid)) continue;
      warnings_.emplace_back(
          "retrieved messages are marked \\Deleted but not expunged: others' messages are marked too, and the server "
          "cannot expunge by UID (UIDPLUS)");
      return false;
    }
    return ended_well(session_.run(CommandText("EXPUNGE"), handler_));
  }

  bool move(const std::vector<std::string>& sets) {
    bool atomic = session_.capabilities().has("MOVE");
    const std::string command = atomic ? "UID MOVE % @" : "UID COPY % @";
    bool done = all(sets, {command});
    if (!done && missing_target_ && !created_) {
      created_ = true;
      CommandText create("CREATE ");
      create.mailbox(order_.move_to, session_.capabilities(), session_.utf8_names());
      done = ended_well(session_.run(create)) && all(sets, {command});
    }
    return done && (atomic || remove(sets));
  }

  Session& session_;
  const CleanupOrder& order_;
  const std::vector<Uid>& uids_;
  std::vector<std::string>& warnings_;
  ExpungeHandler handler_;
  bool missing_target_ = false, created_ = false;
};

}  // namespace

std::vector<Uid> clean_up(Session& session, const CleanupOrder& order, const std::vector<Uid>& uids,
                          std::vector<std::string>& warnings) {
  if (uids.empty()) return {};
  return CleanupRun(session, order, uids, warnings).run();
}

}  // namespace mailstead::imap
