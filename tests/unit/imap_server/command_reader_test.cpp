#include "connectors/imap/server/command_reader.h"

#include <gtest/gtest.h>

#include <vector>

namespace mailstead::imap {
namespace {

using Event = CommandReader::Event;

struct Seen {
  std::vector<std::string> commands;
  std::string streamed;
  Event last = Event::kNeedsInput;
  bool operator==(const Seen&) const = default;
};

// Literals of more than 10 octets are streamed, others kept.
void drain(CommandReader& reader, net::InputBuffer& input, Seen& seen) {
  while (true) {
    seen.last = reader.next(input);
    if (seen.last == Event::kCommand) {
      seen.commands.push_back(reader.text());
      reader.release();
    } else if (seen.last == Event::kLiteral) {
      if (reader.literal().size > 10) {
        reader.stream_literal([&seen](std::string_view bytes) { seen.streamed += bytes; });
      } else {
        reader.keep_literal();
      }
    } else {
      return;
    }
  }
}

Seen read_pieces(const std::vector<std::string_view>& pieces) {
  CommandReader reader(200);
  net::InputBuffer input;
  Seen seen;
  for (std::string_view piece : pieces) {
    input.append(piece);
    drain(reader, input, seen);
    EXPECT_TRUE(input.bytes().empty() || seen.last != Event::kNeedsInput);
  }
  return seen;
}

struct Row {
  const char* name;
  std::string input;
  std::vector<std::string> commands;
  std::string streamed;
};

const std::vector<Row>& rows() {
  static const std::vector<Row> all = {
      {"one line", "a NOOP\r\n", {"a NOOP"}, ""},
      {"bare line feed", "a NOOP\nb NOOP\n", {"a NOOP", "b NOOP"}, ""},
      {"pipelined", "a NOOP\r\nb CHECK\r\n", {"a NOOP", "b CHECK"}, ""},
      {"kept literal", "a LOGIN {3}\r\nbob {4+}\r\npass\r\n", {"a LOGIN {3}\r\nbob {4+}\r\npass"}, ""},
      {"literal with line ends", "a X {6}\r\n\r\n{1}x\r\nb Y\r\n", {"a X {6}\r\n\r\n{1}x", "b Y"}, ""},
      {"empty literal", "a X {0}\r\n {0+}\r\n\r\n", {"a X {0}\r\n {0+}\r\n"}, ""},
      {"streamed", "a APPEND x {12}\r\n123456789\r\nx\r\nb Z\r\n", {"a APPEND x {12}\r\n", "b Z"}, "123456789\r\nx"},
      {"brace without number", "a X {x}\r\nb Y {}\r\n", {"a X {x}", "b Y {}"}, ""},
      {"empty line", "\r\n\r\n", {"", ""}, ""},
  };
  return all;
}

TEST(ImapCommandReader, GivesTheSameWholeByteByByteAndAtEverySplit) {
  for (const Row& row : rows()) {
    SCOPED_TRACE(row.name);
    Seen whole = read_pieces({row.input});
    EXPECT_EQ(whole.commands, row.commands);
    EXPECT_EQ(whole.streamed, row.streamed);
    std::vector<std::string_view> bytes;
    for (std::size_t i = 0; i < row.input.size(); ++i) bytes.push_back(std::string_view(row.input).substr(i, 1));
    EXPECT_EQ(read_pieces(bytes), whole);
    for (std::size_t i = 0; i <= row.input.size(); ++i) {
      std::string_view text = row.input;
      EXPECT_EQ(read_pieces({text.substr(0, i), text.substr(i)}), whole) << i;
    }
  }
}

TEST(ImapCommandReader, StopsAtALineAboveItsLimitBeforeItEnds) {
  EXPECT_EQ(read_pieces({std::string(201, 'x')}).last, Event::kTooLong);
  EXPECT_EQ(read_pieces({std::string(150, 'x'), std::string(51, 'x')}).last, Event::kTooLong);
  EXPECT_EQ(read_pieces({std::string(200, 'x') + "\n"}).commands.size(), 1U);
  // The lines around literals count together.
  EXPECT_EQ(read_pieces({std::string(150, 'x') + "{1}\r\na" + std::string(60, 'x')}).last, Event::kTooLong);
}

TEST(ImapCommandReader, RefusesSizesThatAreNoNumbers) {
  for (const char* line : {"a {99999999999999999999}\r\n", "a {9223372036854775808}\r\n", "a {1-}\r\n", "a {1x}\r\n"}) {
    EXPECT_EQ(read_pieces({line}).last, Event::kBadLiteral) << line;
  }
}

TEST(ImapCommandReader, AnnouncesALargeLiteralWithoutAllocatingForIt) {
  CommandReader reader(200);
  net::InputBuffer input;
  input.append("a APPEND x {9223372036854775807}\r\n");
  EXPECT_EQ(reader.next(input), Event::kLiteral);
  EXPECT_EQ(reader.literal().size, 9223372036854775807ULL);
  EXPECT_LT(reader.text().capacity(), 1000U);
  reader.abandon();
  input.append("b NOOP\r\n");
  EXPECT_EQ(reader.next(input), Event::kCommand);
  EXPECT_EQ(reader.text(), "b NOOP");
}

TEST(ImapCommandReader, ReadsOneExpectedLineAsItIs) {
  CommandReader reader(10);
  net::InputBuffer input;
  reader.expect_line(40);
  input.append("a long line with {5}\r\nb X\r\n");
  EXPECT_EQ(reader.next(input), Event::kLine);
  EXPECT_EQ(reader.text(), "a long line with {5}");
  reader.release();
  EXPECT_EQ(reader.next(input), Event::kCommand);
  EXPECT_EQ(reader.text(), "b X");
}

}  // namespace
}  // namespace mailstead::imap
