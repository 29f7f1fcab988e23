// Several sessions change one mailbox at random. What each client was told must add up to the truth: sequence numbers
// by EXISTS and EXPUNGE, flags by FETCH, at the moments that RFC 3501 allows.
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <random>
#include <set>
#include <sstream>

#include "tests/unit/imap_server/session_fixture.h"

namespace mailstead::test {
namespace {

using Uid = storage::Uid;
using FlagSet = std::set<std::string>;

constexpr int kSteps = 3000;
const std::vector<std::string> kFlagNames = {"\\Seen", "\\Flagged", "\\Deleted", "\\Answered", "$Work", "Later"};

FlagSet parse_flags(const std::string& line) {
  std::size_t open = line.find("FLAGS (") + 7;
  std::istringstream words(line.substr(open, line.find(')', open) - open));
  FlagSet flags;
  for (std::string word; words >> word;) {
    if (word != "\\Recent") flags.insert(word);
  }
  return flags;
}

// What a client knows.
struct Known {
  std::vector<Uid> uids;  // by sequence number; 0: not asked yet
  std::map<Uid, FlagSet> flags;
  std::map<Uid, storage::ModSeq> modseqs;  // as far as they were told
  bool qresync = false;
};

class Model {
 public:
  Model(unsigned seed, int sessions) : random_(seed) {
    (void)store_.mail().create("alice", "INBOX", "");
    (void)store_.mail().create("alice", "Other", "");
    for (int i = 0; i < 5; ++i) append_directly();
    auto factory = imap::make_session_factory(
        {store_, test_keys(), clock_, "h", "", false, 1 << 20, std::chrono::seconds(180), std::chrono::seconds(1800)});
    for (int i = 0; i < sessions; ++i) {
      clients_.push_back(std::make_unique<Client>(factory({"127.0.0.1", true, false}, [] {})));
      clients_.back()->login();
      known_.emplace_back();
      known_.back().qresync = i % 2 == 1;
      if (known_.back().qresync) (void)clients_.back()->command("ENABLE QRESYNC");
      (void)clients_.back()->command("SELECT INBOX");
      known_.back().uids.assign(truth_.size(), 0);
      learn(i);
    }
  }

  void step() {
    int who = pick(static_cast<int>(clients_.size()));
    switch (pick(12)) {
      case 0:
      case 1:
      case 2: store_flags(who); break;
      case 3: append(who); break;
      case 4: expunge(who); break;
      case 5: uid_expunge(who); break;
      case 6: move(who); break;
      case 7: copy(who); break;
      case 8: fetch(who); break;
      case 9: search(who); break;
      case 10: append_directly(); break;
      default: settle(who); break;
    }
  }

  void settle_all() {
    for (std::size_t i = 0; i < clients_.size(); ++i) settle(static_cast<int>(i));
  }

 private:
  int pick(int below) { return static_cast<int>(random_() % static_cast<unsigned>(below)); }
  Known& known(int who) { return known_[static_cast<std::size_t>(who)]; }

  void append_directly() {
    FlagSet flags = some_flags();
    Uid uid = store_.put("alice", "INBOX", plain_message("m"), {flags.begin(), flags.end()});
    truth_[uid] = flags;
  }

  FlagSet some_flags() {
    FlagSet flags;
    for (const auto& name : kFlagNames) {
      if (pick(4) == 0) flags.insert(name);
    }
    return flags;
  }
  static std::string text(const FlagSet& flags) {
    std::string out = "(";
    for (const auto& flag : flags) out += (out.size() > 1 ? " " : "") + flag;
    return out + ")";
  }

  // Sends, and takes in what is untagged.
  std::string run(int who, const std::string& command, bool may_expunge = true) {
    std::string response = clients_[static_cast<std::size_t>(who)]->command(command);
    if (std::getenv("MAILSTEAD_TEST_TRACE") != nullptr) std::cout << who << " " << command << "\n" << response;
    std::istringstream lines(response);
    for (std::string line; std::getline(lines, line);) {
      if (line.starts_with("* ")) take(who, line, may_expunge, command);
    }
    return response;
  }

  void take(int who, const std::string& line, bool may_expunge, const std::string& command) {
    if (line.starts_with("* VANISHED ")) return vanish(who, line.substr(11), may_expunge, command);
    std::istringstream words(line.substr(2));
    std::size_t number = 0;
    std::string word;
    if (!(words >> number >> word)) return;
    Known& mine = known(who);
    if (word.starts_with("EXISTS")) {
      ASSERT_GE(number, mine.uids.size()) << "EXISTS shrank after " << command;
      mine.uids.resize(number, 0);
    } else if (word.starts_with("EXPUNGE")) {
      ASSERT_TRUE(may_expunge && !mine.qresync) << command;
      ASSERT_TRUE(number >= 1 && number <= mine.uids.size()) << line << command;
      mine.flags.erase(mine.uids[number - 1]);
      mine.uids.erase(mine.uids.begin() + static_cast<std::ptrdiff_t>(number - 1));
    } else if (word == "FETCH") {
      ASSERT_TRUE(number >= 1 && number <= mine.uids.size()) << line << command;
      Uid& uid = mine.uids[number - 1];
      if (auto at = line.find("UID "); at != std::string::npos) {
        Uid told = static_cast<Uid>(std::strtoul(line.c_str() + at + 4, nullptr, 10));
        ASSERT_TRUE(uid == 0 || uid == told) << "the sequence number means another message: " << line;
        uid = told;
      }
      if (line.find("FLAGS (") != std::string::npos && uid != 0) mine.flags[uid] = parse_flags(line);
      if (auto at = line.find("MODSEQ ("); at != std::string::npos && uid != 0) {
        ASSERT_TRUE(mine.qresync) << line;
        mine.modseqs[uid] = std::strtoull(line.c_str() + at + 8, nullptr, 10);
      }
    }
  }

  // Where the UID stands, or a message not asked for yet that may have it.
  static std::vector<Uid>::iterator place_of(std::vector<Uid>& uids, Uid uid) {
    auto at = std::find(uids.begin(), uids.end(), uid);
    if (at != uids.end()) return at;
    auto above = std::find_if(uids.begin(), uids.end(), [&](Uid other) { return other > uid; });
    return above != uids.begin() && *std::prev(above) == 0 ? std::prev(above) : uids.end();
  }

  void vanish(int who, const std::string& set, bool may_expunge, const std::string& command) {
    Known& mine = known(who);
    ASSERT_TRUE(may_expunge && mine.qresync) << command;
    std::istringstream ranges(set);
    for (std::string range; std::getline(ranges, range, ',');) {
      Uid first = static_cast<Uid>(std::stoul(range));
      auto colon = range.find(':');
      Uid last = colon == std::string::npos ? first : static_cast<Uid>(std::stoul(range.substr(colon + 1)));
      for (Uid uid = first; uid <= last; ++uid) {
        auto at = place_of(mine.uids, uid);
        ASSERT_NE(at, mine.uids.end()) << set << " " << command;
        mine.uids.erase(at);
        mine.flags.erase(uid);
        mine.modseqs.erase(uid);
      }
    }
  }

  // Asks for the UIDs of messages it has not seen yet; the answer may bring the next ones.
  void learn(int who) {
    Known& mine = known(who);
    for (std::size_t i = 0; i < mine.uids.size(); ++i) {
      if (mine.uids[i] == 0) run(who, "FETCH " + std::to_string(i + 1) + ":* (UID FLAGS)", false);
    }
  }

  // After NOOP nothing may be outstanding.
  void settle(int who) {
    run(who, "NOOP");
    learn(who);
    run(who, "NOOP");
    std::vector<Uid> uids;
    for (const auto& [uid, flags] : truth_) uids.push_back(uid);
    ASSERT_EQ(known(who).uids, uids);
    ASSERT_EQ(known(who).flags, truth_);
    if (!known(who).qresync) return;
    auto snapshot = store_.mail().open(store_.mail().find("alice", "INBOX")->id);
    for (const storage::Entry& entry : snapshot->entries) {
      auto told = known(who).modseqs.find(entry.uid);
      if (told != known(who).modseqs.end()) {
        ASSERT_EQ(told->second, entry.modseq) << entry.uid;
      }
    }
  }

  // A random message range of this client's, as positions; empty when it sees none.
  std::pair<std::size_t, std::size_t> some_range(int who) {
    learn(who);
    std::size_t count = known(who).uids.size();
    if (count == 0) return {1, 0};
    std::size_t a = static_cast<std::size_t>(pick(static_cast<int>(count)));
    return {a, std::min(count - 1, a + static_cast<std::size_t>(pick(3)))};
  }
  std::string set_text(int who, std::pair<std::size_t, std::size_t> range, bool by_uid) {
    if (!by_uid) return std::to_string(range.first + 1) + ":" + std::to_string(range.second + 1);
    return std::to_string(known(who).uids[range.first]) + ":" + std::to_string(known(who).uids[range.second]);
  }

  void store_flags(int who) {
    auto range = some_range(who);
    if (range.first > range.second) return;
    bool by_uid = pick(2) == 0, silent = pick(2) == 0;
    const char* sign = std::vector<const char*>{"+", "-", ""}[static_cast<std::size_t>(pick(3))];
    FlagSet flags = some_flags();
    std::string set = set_text(who, range, by_uid);
    for (std::size_t i = range.first; i <= range.second; ++i) {
      Uid uid = known(who).uids[i];
      for (auto* world : {&truth_, &known(who).flags}) {
        if (world == &truth_ && !truth_.contains(uid)) continue;
        // With .SILENT the client believes in what it said; otherwise it waits to be told.
        if (world != &truth_ && !silent) continue;
        FlagSet& state = (*world)[uid];
        if (*sign == '\0') state.clear();
        for (const auto& flag : flags) {
          if (*sign == '-') {
            state.erase(flag);
          } else {
            state.insert(flag);
          }
        }
      }
    }
    run(who,
        std::string(by_uid ? "UID " : "") + "STORE " + set + " " + sign + "FLAGS" + (silent ? ".SILENT " : " ") +
            text(flags),
        by_uid);
  }

  void append(int who) {
    FlagSet flags = some_flags();
    std::string message = plain_message("appended");
    std::string response =
        run(who, "APPEND INBOX " + text(flags) + " {" + std::to_string(message.size()) + "+}\r\n" + message);
    std::size_t at = response.find("APPENDUID ");
    ASSERT_NE(at, std::string::npos) << response;
    Uid uid = static_cast<Uid>(std::strtoul(response.c_str() + response.find(' ', at + 10), nullptr, 10));
    ASSERT_FALSE(truth_.contains(uid));
    truth_[uid] = flags;
  }

  void expunge(int who) {
    std::erase_if(truth_, [](const auto& row) { return row.second.contains("\\Deleted"); });
    ASSERT_TRUE(Client::ok(run(who, "EXPUNGE")));
    for (Uid uid : known(who).uids) ASSERT_TRUE(uid == 0 || truth_.contains(uid)) << "an EXPUNGE is missing";
  }

  void uid_expunge(int who) {
    auto range = some_range(who);
    if (range.first > range.second) return;
    std::string set = set_text(who, range, true);
    for (std::size_t i = range.first; i <= range.second; ++i) {
      auto at = truth_.find(known(who).uids[i]);
      if (at != truth_.end() && at->second.contains("\\Deleted")) truth_.erase(at);
    }
    ASSERT_TRUE(Client::ok(run(who, "UID EXPUNGE " + set)));
  }

  void move(int who) {
    if (pick(3) != 0) return;
    auto range = some_range(who);
    if (range.first > range.second) return;
    bool by_uid = pick(2) == 0;
    std::string set = set_text(who, range, by_uid);
    for (std::size_t i = range.first; i <= range.second; ++i) truth_.erase(known(who).uids[i]);
    run(who, std::string(by_uid ? "UID " : "") + "MOVE " + set + " Other");
  }

  void copy(int who) {
    auto range = some_range(who);
    if (range.first > range.second || truth_.size() > 60) return;
    bool all_there = true;
    for (std::size_t i = range.first; i <= range.second; ++i) all_there &= truth_.contains(known(who).uids[i]);
    std::vector<FlagSet> flags;
    for (std::size_t i = range.first; i <= range.second; ++i) {
      auto at = truth_.find(known(who).uids[i]);
      if (at != truth_.end()) flags.push_back(at->second);
    }
    std::string response = run(who, "COPY " + set_text(who, range, false) + " INBOX");
    if (!Client::ok(response)) {
      ASSERT_FALSE(all_there) << response;
      if (!Client::has(response, "[EXPUNGEISSUED]")) FAIL() << response;
      return;
    }
    // The new UIDs stand behind the source's in COPYUID and are the next ones.
    Uid next = store_.mail().find("alice", "INBOX")->uid_next;
    for (std::size_t i = 0; i < flags.size(); ++i) truth_[next - static_cast<Uid>(flags.size() - i)] = flags[i];
  }

  void fetch(int who) {
    auto range = some_range(who);
    if (range.first > range.second) return;
    if (pick(2) == 0) {
      run(who, "FETCH " + set_text(who, range, false) + " (UID FLAGS RFC822.SIZE)", false);
      return;
    }
    // Implicit \Seen.
    std::string set = set_text(who, range, true);
    for (std::size_t i = range.first; i <= range.second; ++i) {
      auto at = truth_.find(known(who).uids[i]);
      if (at != truth_.end()) at->second.insert("\\Seen");
    }
    std::string response = run(who, "UID FETCH " + set + " BODY[TEXT]<0.2>");
    ASSERT_TRUE(Client::has(response, "\r\nt ") || response.starts_with("t ")) << response;
    std::istringstream lines(response);
    for (std::string line; std::getline(lines, line);) {
      // "He FLAGS (…))" belongs to the FETCH before it.
      if (!line.starts_with("He FLAGS")) continue;
      for (std::size_t i = range.first; i <= range.second; ++i) pending_seen_ = true;
    }
    settle_flags(who, range);
  }

  // The FLAGS of a body response stand behind the literal, where take() does not look.
  void settle_flags(int who, std::pair<std::size_t, std::size_t> range) {
    if (!pending_seen_) return;
    pending_seen_ = false;
    if (range.second >= known(who).uids.size()) return learn_all(who);
    learn_all(who);
  }
  void learn_all(int who) {
    if (!known(who).uids.empty())
      run(who, known(who).qresync ? "FETCH 1:* (UID FLAGS MODSEQ)" : "FETCH 1:* (UID FLAGS)", false);
  }

  void search(int who) {
    learn(who);
    const std::string& flag = kFlagNames[static_cast<std::size_t>(pick(4))];
    run(who, "NOOP");
    learn(who);
    std::string response = run(who, "UID SEARCH " + flag.substr(1), true);
    std::string wanted = "* SEARCH";
    for (const auto& [uid, flags] : truth_) {
      if (flags.contains(flag)) wanted += " " + std::to_string(uid);
    }
    std::string upper = response.substr(0, response.find("\r\n"));
    ASSERT_EQ(upper, wanted) << flag;
  }

  std::mt19937 random_;
  MemoryStore store_;
  HeldClock clock_;
  std::vector<std::unique_ptr<Client>> clients_;
  std::vector<Known> known_;
  std::map<Uid, FlagSet> truth_;
  bool pending_seen_ = false;
};

class ImapServerModel : public ::testing::TestWithParam<int> {};

TEST_P(ImapServerModel, TellsEachClientTheTruth) {
  const char* given = std::getenv("MAILSTEAD_TEST_SEED");
  unsigned seed = given != nullptr ? static_cast<unsigned>(std::atoi(given)) : std::random_device()();
  SCOPED_TRACE("MAILSTEAD_TEST_SEED=" + std::to_string(seed));
  std::cout << "seed " << seed << "\n";
  Model model(seed, GetParam());
  for (int i = 0; i < kSteps; ++i) {
    model.step();
    if (HasFatalFailure()) FAIL() << "step " << i << ", seed " << seed;
  }
  model.settle_all();
}

INSTANTIATE_TEST_SUITE_P(Sessions, ImapServerModel, ::testing::Values(1, 2, 3));

}  // namespace
}  // namespace mailstead::test
