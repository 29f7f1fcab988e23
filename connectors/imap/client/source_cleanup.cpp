#include "connectors/imap/client/source_cleanup.h"

#include <algorithm>
#include <utility>

#include "connectors/imap/client/search.h"
#include "connectors/imap/client/uid_set_text.h"
#include "connectors/imap/codec/sequence_set.h"
#include "mail/failure.h"

namespace mailstead::imap {
namespace {

using retrieval::AfterFetch;
using storage::Uid;

constexpr std::size_t kBatchesUnderWay = 8;

// Every EXPUNGE of a batch is progress, as far as messages were named.
class ExpungeHandler final : public ResponseHandler {
 public:
  explicit ExpungeHandler(std::size_t expected) : left_(expected) {}
  bool untagged(const Response& response) override {
    bool gone = response.is_data("EXPUNGE") || response.is_data("VANISHED") || response.is_data("FETCH");
    if (!gone || left_ == 0) return false;
    --left_;
    return true;
  }

 private:
  std::size_t left_;
};

struct Batch {
  std::string set;
  std::vector<Uid> uids;
  bool done = true;
};

std::vector<Batch> batches_of(const std::vector<Uid>& uids) {
  std::vector<Batch> batches;
  UidSetText text;
  std::vector<Uid> members;
  auto close = [&] {
    if (!members.empty()) batches.push_back({text.text(), std::exchange(members, {}), true});
    text = {};
  };
  for (Uid uid : uids) {
    if (text.full()) close();
    text.add(uid);
    members.push_back(uid);
  }
  close();
  return batches;
}

class CleanupRun {
 public:
  CleanupRun(Session& session, const CleanupOrder& order, const std::vector<Uid>& uids,
             std::vector<std::string>& warnings)
      : session_(session), order_(order), batches_(batches_of(uids)), warnings_(warnings), handler_(2 * uids.size()) {}

  std::vector<Uid> run() {
    switch (order_.what) {
      case AfterFetch::kKeep: return {};
      case AfterFetch::kSeen: all({"UID STORE % +FLAGS.SILENT (\\Seen)"}); break;
      case AfterFetch::kKeyword: all({"UID STORE % +FLAGS.SILENT (" + order_.keyword + ")"}); break;
      case AfterFetch::kDelete: remove(); break;
      case AfterFetch::kMove: move(); break;
    }
    std::vector<Uid> done;
    for (const Batch& batch : batches_) {
      if (batch.done) done.insert(done.end(), batch.uids.begin(), batch.uids.end());
    }
    add_vanished(done);
    return done;
  }

 private:
  // The commands on each batch that is still well. One batch after the other would cost a round trip each: several
  // are under way.
  void all(const std::vector<std::string>& commands) {
    for (std::size_t i = 0; i < batches_.size(); i += kBatchesUnderWay) {
      std::vector<std::pair<Tag, Batch*>> sent;
      for (std::size_t j = i; j < std::min(batches_.size(), i + kBatchesUnderWay); ++j) {
        if (!batches_[j].done) continue;
        for (const std::string& command : commands) {
          sent.emplace_back(session_.send(command_on(batches_[j].set, command)), &batches_[j]);
        }
      }
      for (auto [tag, batch] : sent) batch->done = ended_well(session_.finish(tag, handler_)) && batch->done;
    }
  }

  [[nodiscard]] bool all_done() const {
    return std::all_of(batches_.begin(), batches_.end(), [](const Batch& batch) { return batch.done; });
  }

  [[nodiscard]] CommandText command_on(const std::string& set, std::string_view command) const {
    std::size_t place = command.find('%'), folder = command.find('@');
    CommandText text(command.substr(0, place));
    text.raw(set).raw(command.substr(place + 1, folder == std::string_view::npos ? folder : folder - place - 1));
    if (folder != std::string_view::npos) text.mailbox(order_.move_to, session_.capabilities(), session_.utf8_names());
    return text;
  }

  bool ended_well(const Completion& end) {
    if (end.ok()) return true;
    bool create = end.has_code("TRYCREATE") && !created_;
    missing_target_ = missing_target_ || create;
    refused_ = refused_ || end.status == Status::kNo;
    // One of each text: twenty batches are refused for the same reason.
    std::string warning = "clean-up was refused: " + end.text;
    bool told = std::find(warnings_.begin(), warnings_.end(), warning) != warnings_.end();
    if (!create && !told) warnings_.push_back(std::move(warning));
    return false;
  }

  void remove() {
    if (order_.to_trash) return all({"UID STORE % +X-GM-LABELS (\\Trash)"});
    // QUIRK: Exchange, fetchmail imap.c:1393: sends "deleted unread" receipts unless \Seen is set with \Deleted.
    const std::string mark = "UID STORE % +FLAGS.SILENT (\\Seen \\Deleted)";
    if (session_.capabilities().has("UIDPLUS")) return all({mark, "UID EXPUNGE %"});
    all({mark});
    if (std::none_of(batches_.begin(), batches_.end(), [](const Batch& batch) { return batch.done; })) return;
    if (only_ours_are_marked() && ended_well(session_.run(CommandText("EXPUNGE"), handler_))) return;
    for (Batch& batch : batches_) batch.done = false;
  }

  bool only_ours_are_marked() {
    std::vector<Uid> named;
    for (const Batch& batch : batches_) named.insert(named.end(), batch.uids.begin(), batch.uids.end());
    SequenceSet ours = SequenceSet::of(std::move(named));
    std::vector<Uid> marked;
    try {
      marked = search_uids(session_, "DELETED");
    } catch (const mail::Failure& failure) {
      if (failure.scope() != mail::FailureScope::kFolder) throw;
      warnings_.push_back("retrieved messages are marked \\Deleted but not expunged: " + failure.text());
      return false;
    }
    for (Uid uid : marked) {
      if (ours.contains(uid)) continue;
      warnings_.emplace_back(
          "retrieved messages are marked \\Deleted but not expunged: others' messages are marked too, and the server "
          "cannot expunge by UID (UIDPLUS)");
      refused_ = false;  // they are there: no need to ask
      return false;
    }
    return true;
  }

  void move() {
    bool atomic = session_.capabilities().has("MOVE") && order_.move_works;
    const std::string command = atomic ? "UID MOVE % @" : "UID COPY % @";
    all({command});
    if (missing_target_ && !created_) {
      created_ = true;
      CommandText create("CREATE ");
      create.mailbox(order_.move_to, session_.capabilities(), session_.utf8_names());
      if (!ended_well(session_.run(create))) return;
      for (Batch& batch : batches_) batch.done = true;
      refused_ = false;
      all({command});
    }
    if (!atomic) remove();
  }

  // Refused because messages are gone meanwhile? Those are as good as cleaned up.
  void add_vanished(std::vector<Uid>& done) {
    if (!refused_ || all_done()) return;
    for (const Batch& batch : batches_) {
      if (batch.done) continue;
      std::vector<Uid> there;
      try {
        there = search_uids(session_, "UID " + batch.set);
      } catch (const mail::Failure& failure) {
        if (failure.scope() != mail::FailureScope::kFolder) throw;
        return;  // it will not say: they stay due
      }
      for (Uid uid : batch.uids) {
        if (!std::binary_search(there.begin(), there.end(), uid)) done.push_back(uid);
      }
    }
    std::sort(done.begin(), done.end());
  }

  Session& session_;
  const CleanupOrder& order_;
  std::vector<Batch> batches_;
  std::vector<std::string>& warnings_;
  ExpungeHandler handler_;
  bool missing_target_ = false, created_ = false;
  bool refused_ = false;  // a NO, for whatever reason
};

}  // namespace

std::vector<Uid> clean_up(Session& session, const CleanupOrder& order, const std::vector<Uid>& uids,
                          std::vector<std::string>& warnings) {
  if (uids.empty()) return {};
  return CleanupRun(session, order, uids, warnings).run();
}

}  // namespace mailstead::imap
