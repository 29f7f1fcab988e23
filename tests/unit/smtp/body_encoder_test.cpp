#include "connectors/smtp/body_encoder.h"

#include <optional>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace mailstead::smtp {
namespace {

std::string encode(const std::vector<std::string>& pieces) {
  BodyEncoder encoder;
  std::string out;
  for (const auto& piece : pieces) {
    auto before = out.size();
    encoder.encode(piece, out);
    EXPECT_LE(out.size() - before, 2 * piece.size() + 2);
  }
  encoder.finish(out);
  return out;
}

// What a strict receiver makes of it: nullopt when there is a bare CR or LF, or when CRLF.CRLF stands anywhere but at
// the end.
std::optional<std::string> receive(std::string_view wire) {
  std::string text;
  while (!wire.empty()) {
    auto end = wire.find_first_of("\r\n");
    if (end == std::string_view::npos || wire.substr(end, 2) != "\r\n") return std::nullopt;
    auto line = wire.substr(0, end);
    wire.remove_prefix(end + 2);
    if (line == ".") return wire.empty() ? std::optional(text) : std::nullopt;
    if (line.starts_with('.')) line.remove_prefix(1);
    text.append(line).append("\r\n");
  }
  return std::nullopt;
}

// The text as it is meant to arrive, by definition and not by the encoder's ways.
std::string normalised(const std::string& text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    bool crlf = text[i] == '\r' && i + 1 < text.size() && text[i + 1] == '\n';
    if (crlf) continue;
    if (text[i] == '\r') {
      result += ' ';
    } else if (text[i] == '\n') {
      result += "\r\n";
    } else {
      result += text[i];
    }
  }
  if (!result.empty() && !result.ends_with("\r\n")) result += "\r\n";
  return result;
}

void expect_arrives(const std::string& text) {
  auto whole = encode({text});
  EXPECT_EQ(receive(whole), normalised(text));
  std::vector<std::string> bytes;
  for (char c : text) bytes.emplace_back(1, c);
  EXPECT_EQ(encode(bytes), whole);
  for (std::size_t cut = 0; cut <= text.size(); ++cut)
    EXPECT_EQ(encode({text.substr(0, cut), text.substr(cut)}), whole);
}

TEST(SmtpBodyEncoder, EncodesAsTheTableSays) {
  struct Row {
    const char* name;
    std::string text, wire;
  };
  const Row rows[] = {
      {"empty", "", ".\r\n"},
      {"one line", "a\r\n", "a\r\n.\r\n"},
      {"no final line end", "a", "a\r\n.\r\n"},
      {"Unix line ends", "a\nb\n", "a\r\nb\r\n.\r\n"},
      {"leading dots", ".\r\n..\r\na.\r\n", "..\r\n...\r\na.\r\n.\r\n"},
      {"bare CR", "a\rb\r\n", "a b\r\n.\r\n"},
      {"CR at the end", "a\r", "a \r\n.\r\n"},
      {"two CR before LF", "a\r\r\n", "a \r\n.\r\n"},
      {"NUL and 8-bit", std::string("\0\xff\r\n", 4), std::string("\0\xff\r\n.\r\n", 7)},
      {"long line", std::string(5000, 'x'), std::string(5000, 'x') + "\r\n.\r\n"},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    EXPECT_EQ(encode({row.text}), row.wire);
    expect_arrives(row.text);
  }
}

// The sequences by which servers were brought to see two messages in one (Postfix CVE-2023-51764 and its like).
TEST(SmtpBodyEncoder, LetsNoSmuggledEndThrough) {
  for (const char* end : {"\n.\n", "\r.\r", "\n.\r\n", "\r\n.\n", "\r\n.\r", "\r.\r\n", "\n.\r", "\r.\n", "\r\n.\r\n",
                          "\r\n.\r\r\n", "\r\r\n.\r\n", "\n\r.\r\n", "\r\n\r.\r\n"}) {
    SCOPED_TRACE(::testing::PrintToString(end));
    auto text = std::string("a") + end + "MAIL FROM:<evil@example.org>\r\n";
    expect_arrives(text);
    expect_arrives(std::string(end) + text);
  }
  std::string with_nul("a\r\n.\0\r\nb", 8);
  expect_arrives(with_nul);
}

TEST(SmtpBodyEncoder, BringsRandomTextThrough) {
  std::mt19937 random(20260101);
  const std::string alphabet("\r\r\n\n...aZ \0\x80\xff", 14);
  for (int round = 0; round < 3000; ++round) {
    std::string text;
    for (auto size = random() % 24; size > 0; --size) text += alphabet[random() % alphabet.size()];
    SCOPED_TRACE(::testing::PrintToString(text));
    expect_arrives(text);
    if (::testing::Test::HasFailure()) return;
  }
}

}  // namespace
}  // namespace mailstead::smtp
