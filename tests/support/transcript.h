// The transcript: what two peers say to each other, one item per line. Played by ScriptedPeer and TranscriptRunner.
//
//   # comment, also after blanks; empty lines are skipped
//   S: text     the server's line, ended by CRLF        C: text     the client's line
//   S~: text    without CRLF, or a glob, see below      C~: text    likewise
//   S*: glob    a line matching the glob                C*: glob    likewise
//   S#: n       n octets of whatever content            C#: n       likewise
//   TLS         the TLS handshake happens here (server side by the peer)
//   CLOSE       the playing side closes in order; for TranscriptRunner: the session must have asked to close
//   RESET       the playing side aborts (TCP RST)
//   STALL       the playing side is silent until the other gives up; what it hears meanwhile is not judged
//   EOF         the other side must have closed by now, without another octet
//   NEXT        the connection is closed; the rest is played on the next one
//   WAKE        TranscriptRunner: advance() without input    TIMEOUT   TranscriptRunner: timed_out(), then CLOSE
//
// Text is taken from behind ": " to the end of the line, escapes \r \n \t \0 \\ \xNN. One side plays, the other is
// judged: for ScriptedPeer C is judged, for TranscriptRunner S. On the judged side `~` and `*` both mean a glob, in
// which
// `*` stands for any number of octets (and \* for a star); on the playing side `~` means "without CRLF".
// Consecutive lines of the playing side go out in one write.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace mailstead::testing {

struct TranscriptItem {
  enum class Kind { kLine, kFragment, kGlob, kOctets, kTls, kClose, kReset, kStall, kEof, kNext, kWake, kTimeout };
  Kind kind = Kind::kLine;
  char side = ' ';        // 'S', 'C', or ' ' for the others
  std::string text;       // unescaped; kLine and kFragment
  std::string glob;       // kFragment and kGlob
  std::size_t count = 0;  // kOctets
  int line = 0;           // in the transcript, for messages
};

// Throws std::invalid_argument naming the line that is none.
[[nodiscard]] std::vector<TranscriptItem> parse_transcript(std::string_view text);
[[nodiscard]] std::string read_transcript(const std::string& path);
#ifdef MAILSTEAD_SOURCE_DIR  // the test programs have it, the support library has not
// tests/transcripts/NAME.
[[nodiscard]] inline std::string load_transcript(const std::string& name) {
  return read_transcript(MAILSTEAD_SOURCE_DIR "/tests/transcripts/" + name);
}
#endif

// Whether a line that the judged side sent (without CRLF) is what the item asks for.
[[nodiscard]] bool fits(const TranscriptItem& item, std::string_view line);
[[nodiscard]] bool glob_matches(std::string_view glob, std::string_view text);
// For messages: \r, \n, \xNN.
[[nodiscard]] std::string shown(std::string_view octets);

}  // namespace mailstead::testing
