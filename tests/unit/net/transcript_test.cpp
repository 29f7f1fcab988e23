// The test support itself: a peer that lets everything pass would make every test of a session worthless.

#include "tests/support/transcript.h"

#include <gtest/gtest.h>

#include "connectors/net/buffered_reader.h"
#include "mail/failure.h"
#include "tests/support/scripted_peer.h"

namespace mailstead::testing {
namespace {

using namespace std::chrono_literals;
using net::BufferedReader;
using net::Deadline;

TEST(Transcript, UnescapesAndKeepsTrailingBlanks) {
  const auto items = parse_transcript("# nothing\n\n  S: a\\r\\n\\0\\\\\\x41 \nC~: x*\\*\nS#: 12\nTLS\n");
  ASSERT_EQ(items.size(), 4U);
  EXPECT_EQ(items[0].text, std::string("a\r\n\0\\A ", 7));
  EXPECT_EQ(items[1].glob, "x*\\*");
  EXPECT_EQ(items[2].count, 12U);
  EXPECT_EQ(items[3].kind, TranscriptItem::Kind::kTls);
  EXPECT_EQ(items[3].line, 6);
}

TEST(Transcript, RefusesWhatIsNoItem) {
  for (const char* bad : {"X: y", "S", "tls", "S? x: y", "S#: many", "C: \\q", "C: \\x4", "S!: x"})
    EXPECT_THROW((void)parse_transcript(bad), std::invalid_argument) << bad;
}

TEST(Transcript, MatchesGlobs) {
  EXPECT_TRUE(glob_matches("a*c", "abbbc"));
  EXPECT_TRUE(glob_matches("*", ""));
  EXPECT_TRUE(glob_matches("a*b*c", "aXbYbZc"));
  EXPECT_TRUE(glob_matches("\\*", "*"));
  EXPECT_FALSE(glob_matches("\\*", "x"));
  EXPECT_FALSE(glob_matches("a*c", "abbb"));
  EXPECT_FALSE(glob_matches("a", "ab"));
  EXPECT_FALSE(glob_matches("", "x"));
}

Deadline soon() {
  return Deadline::in(10s);
}

TEST(ScriptedPeer, PlaysItsPart) {
  ScriptedPeer peer("S: hello\nS: you\nC: QU*T\nC*: A* z\nC#: 4\nS~: bye\nCLOSE");
  auto stream = peer.connect();
  BufferedReader reader(*stream);
  EXPECT_EQ(reader.read_line(100, soon()), "hello");
  EXPECT_EQ(reader.read_line(100, soon()), "you");
  stream->write_all("QU*T\r\nA b c z\r\nlorem", soon());
  EXPECT_NE(peer.finish(), "") << "one octet too many";
}

TEST(ScriptedPeer, NotesTheFirstDifference) {
  struct Row {
    const char* name;
    const char* transcript;
    const char* sent;
    const char* expected;
  };
  for (const Row& row : {Row{"other line", "C: NOOP", "QUIT\r\n", "expected C: NOOP   got C: QUIT"},
                         {"bare LF", "C: NOOP", "NOOP\n", "without CR"},
                         {"more than the script", "C: NOOP\nCLOSE", "NOOP\r\nQUIT\r\n", "sent more: QUIT"},
                         {"silence", "C: NOOP\nC: QUIT", "NOOP\r\n", "the client closed"},
                         {"half a line", "C: NOOP", "NOO", "after NOO"},
                         {"clear text before TLS", "C: STLS\nTLS", "STLS\r\nUSER x\r\n", "in the clear before TLS"},
                         {"not closed quietly", "EOF", "x", "expected the end"}}) {
    ScriptedPeer peer(row.transcript);
    auto stream = peer.connect();
    stream->write_all(row.sent, soon());
    stream->close();
    const std::string found = peer.finish();
    EXPECT_NE(found.find(row.expected), std::string::npos) << row.name << ": " << found;
  }
}

TEST(ScriptedPeer, SpeaksTlsWhereTheScriptSaysSo) {
  ScriptedPeer peer("S: hello\nC: STARTTLS\nS: go\nTLS\nC: secret\nS: done\nEOF");
  auto stream = peer.connect();
  BufferedReader reader(*stream);
  EXPECT_EQ(reader.read_line(100, soon()), "hello");
  stream->write_all("STARTTLS\r\n", soon());
  EXPECT_EQ(reader.read_line(100, soon()), "go");
  reader.require_empty();
  stream->start_tls(peer.tls_settings(), "localhost", soon());
  stream->write_all("secret\r\n", soon());
  EXPECT_EQ(reader.read_line(100, soon()), "done");
  stream->close();
  EXPECT_EQ(peer.finish(), "");
}

TEST(ScriptedPeer, ServesSeveralConnections) {
  ScriptedPeer peer("S: one\nNEXT\nS: two\nCLOSE", {.chunk = 1});
  for (const char* word : {"one", "two"}) {
    auto stream = net::dial(peer.endpoint(), soon());
    BufferedReader reader(*stream);
    EXPECT_EQ(reader.read_line(100, soon()), word);
  }
  EXPECT_EQ(peer.finish(), "");
}

// Says each line back, in slices of one octet; "BYE" closes, "TLS" starts TLS.
class Echo final : public net::ServerSession {
 public:
  net::SessionStep advance(net::InputBuffer& input, std::string& output) override {
    if (!greeted_) {
      greeted_ = true;
      output += "hi\r\n";
      return net::SessionStep::kMore;
    }
    const auto end = input.bytes().find("\r\n");
    if (end == std::string_view::npos) return net::SessionStep::kNeedsInput;
    const std::string line(input.bytes().substr(0, end));
    input.consume(end + 2);
    output += line + "\r\n";
    if (line == "BYE") return net::SessionStep::kClose;
    if (line == "TLS") return net::SessionStep::kStartTls;
    return net::SessionStep::kMore;
  }
  void tls_started(const net::TlsFacts& /*facts*/) override {}
  void timed_out(std::string& output) override { output += "tired\r\n"; }
  [[nodiscard]] std::chrono::seconds idle_limit() const override { return 60s; }

 private:
  bool greeted_ = false;
};

std::string run_echo(std::string_view transcript) {
  return TranscriptRunner::run_server_every_way([] { return std::make_unique<Echo>(); }, transcript);
}

TEST(TranscriptRunner, PlaysTheClientOfASession) {
  EXPECT_EQ(run_echo("S: hi\nC: a\nS: a\nC: bcd\nS*: b*\nC: TLS\nS: TLS\nTLS\nC~: B\nC: YE\nS: BYE\nCLOSE"), "");
  EXPECT_EQ(run_echo("S: hi\nTIMEOUT\nS: tired\nCLOSE"), "");
}

TEST(TranscriptRunner, NotesTheFirstDifference) {
  EXPECT_NE(run_echo("S: hello").find("expected S: hello   got S: hi"), std::string::npos);
  EXPECT_NE(run_echo("S: hi\nC: a").find("unexpected S: a"), std::string::npos);
  EXPECT_NE(run_echo("S: hi\nC: a\nS: a\nS: b").find("got only S:"), std::string::npos);
  EXPECT_NE(run_echo("S: hi\nCLOSE").find("did not close"), std::string::npos);
  EXPECT_NE(run_echo("S: hi\nC: BYE\nS: BYE\nC: x").find("closed already"), std::string::npos);
  EXPECT_NE(run_echo("S: hi\nTLS").find("did not ask for TLS"), std::string::npos);
  EXPECT_NE(run_echo("S: hi\nC: TLS\nC: x\nS: TLS\nTLS"), "") << "input behind STARTTLS";
}

}  // namespace
}  // namespace mailstead::testing
