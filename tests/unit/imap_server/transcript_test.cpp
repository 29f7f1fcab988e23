#include <gtest/gtest.h>

#include <filesystem>
#include <set>

#include "tests/support/scripted_peer.h"
#include "tests/support/transcript.h"
#include "tests/unit/imap_server/session_fixture.h"

namespace mailstead::test {
namespace {

using testing::TranscriptRunner;

// Every transcript runs over a fresh store: INBOX of alice with three messages, "Lists/boost", "Sent".
// Names beginning with "tls_" talk to a listener with STARTTLS from a foreign address.
class ImapServerTranscript : public ::testing::TestWithParam<std::string> {};

std::vector<std::string> transcripts() {
  std::set<std::string> names;
  for (const auto& file : std::filesystem::directory_iterator(MAILSTEAD_SOURCE_DIR "/tests/transcripts/imap_server"))
    names.insert(file.path().stem().string());
  return {names.begin(), names.end()};
}

struct World {
  MemoryStore store;
  HeldClock clock;
  net::ServerSessionFactory factory;

  explicit World(bool foreign) {
    for (const char* name : {"INBOX", "Lists/boost", "Sent"})
      (void)store.mail().create("alice", name, std::string(name) == "Sent" ? "\\Sent" : "");
    mail::WallTime date{std::chrono::seconds(1'700'000'000)};
    store.put("alice", "INBOX", plain_message("first"), {"\\Seen"}, date);
    store.put("alice", "INBOX", nested_message(), {}, date);
    store.put("alice", "INBOX", plain_message("third"), {"\\Deleted", "$Forwarded"}, date);
    factory = imap::make_session_factory({store, test_keys(), clock, "mail.example", "1.0", foreign, 1024 * 1024,
                                          std::chrono::seconds(180), std::chrono::seconds(1800)});
  }
};

TEST_P(ImapServerTranscript, IsFollowed) {
  bool foreign = GetParam().starts_with("tls_");
  std::vector<std::unique_ptr<World>> worlds;
  auto make = [&] {
    worlds.push_back(std::make_unique<World>(foreign));
    return worlds.back()->factory({"192.0.2.1", !foreign, false}, [] {});
  };
  auto on_wake = [&] { worlds.back()->store.put("alice", "INBOX", plain_message("news")); };
  EXPECT_EQ(TranscriptRunner::run_server_every_way(make, testing::load_transcript("imap_server/" + GetParam() + ".txt"),
                                                   on_wake),
            "");
}

INSTANTIATE_TEST_SUITE_P(All, ImapServerTranscript, ::testing::ValuesIn(transcripts()),
                         [](const auto& one) { return one.param; });

}  // namespace
}  // namespace mailstead::test
