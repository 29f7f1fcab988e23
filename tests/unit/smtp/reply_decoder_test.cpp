#include "connectors/smtp/reply_decoder.h"

#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "mail/failure.h"
#include "mail/limits.h"

namespace mailstead::smtp {
namespace {

using mail::Failure;
using mail::FailureKind;

struct Outcome {
  std::vector<WireReply> replies;
  std::optional<FailureKind> failure;
  bool unfinished = false;
};

// Feeds the pieces and takes each reply as it completes.
Outcome decode(const std::vector<std::string>& pieces) {
  Outcome outcome;
  ReplyDecoder decoder;
  try {
    for (std::string_view piece : pieces) {
      while (!piece.empty()) {
        auto used = decoder.feed(piece);
        piece.remove_prefix(used);
        outcome.unfinished = !decoder.complete();
        if (decoder.complete()) outcome.replies.push_back(decoder.take());
      }
    }
  } catch (const Failure& failure) {
    outcome.failure = failure.kind();
  }
  return outcome;
}

std::vector<std::string> single_bytes(const std::string& text) {
  std::vector<std::string> pieces;
  for (char c : text) pieces.emplace_back(1, c);
  return pieces;
}

struct Row {
  const char* name;
  std::string input;
  std::vector<WireReply> replies;
  std::optional<FailureKind> failure = std::nullopt;
  bool unfinished = false;
};

const std::vector<Row>& rows() {
  static const std::vector<Row> table{
      {"one line", "250 ok\r\n", {{250, {"ok"}}}},
      {"code alone", "250\r\n", {{250, {""}}}},
      {"code and blank", "354 \r\n", {{354, {""}}}},
      {"bare LF", "250 ok\n", {{250, {"ok"}}}},
      {"several lines", "250-a\r\n250-b c\r\n250 d\r\n", {{250, {"a", "b c", "d"}}}},
      {"last line with the code alone", "250-a\r\n250\r\n", {{250, {"a", ""}}}},
      {"two replies", "250 a\r\n550 b\r\n", {{250, {"a"}}, {550, {"b"}}}},
      {"NUL and bare CR kept", std::string("250 a\0b\rc\r\n", 11), {{250, {std::string("a\0b\rc", 5)}}}},
      {"unfinished line", "250 o", {}, std::nullopt, true},
      {"unfinished reply", "250-ok\r\n", {}, std::nullopt, true},
      {"two digits", "25\r\n", {}, FailureKind::kProtocol},
      {"four digits", "2500 ok\r\n", {}, FailureKind::kProtocol},
      {"empty line", "\r\n", {}, FailureKind::kProtocol},
      {"words", "hello there\r\n", {}, FailureKind::kProtocol},
      {"HTTP", "HTTP/1.1 400 Bad Request\r\n", {}, FailureKind::kProtocol},
      {"1xx", "100 ok\r\n", {}, FailureKind::kProtocol},
      {"6xx", "600 ok\r\n", {}, FailureKind::kProtocol},
      {"code changes", "250-a\r\n251 b\r\n", {}, FailureKind::kProtocol},
      {"refusal within an acceptance", "250-a\r\n550 b\r\n", {}, FailureKind::kProtocol},
      {"odd separator", "250\tok\r\n", {}, FailureKind::kProtocol},
      {"NUL at once", std::string("\0\r\n", 3), {}, FailureKind::kProtocol},
  };
  return table;
}

TEST(SmtpReplyDecoder, DecodesWholeByteByByteAndAtEverySplit) {
  for (const auto& row : rows()) {
    SCOPED_TRACE(row.name);
    auto check = [&row](const std::vector<std::string>& pieces) {
      auto outcome = decode(pieces);
      EXPECT_EQ(outcome.replies, row.replies);
      EXPECT_EQ(outcome.failure, row.failure);
      if (!row.failure) {
        EXPECT_EQ(outcome.unfinished, row.unfinished);
      }
    };
    check({row.input});
    check(single_bytes(row.input));
    for (std::size_t cut = 0; cut <= row.input.size(); ++cut) check({row.input.substr(0, cut), row.input.substr(cut)});
  }
}

TEST(SmtpReplyDecoder, LeavesTheNextReplyAlone) {
  ReplyDecoder decoder;
  EXPECT_EQ(decoder.feed("250 a\r\n354 b\r\n"), 7U);
  EXPECT_TRUE(decoder.complete());
  EXPECT_EQ(decoder.feed("354 b\r\n"), 0U);
}

TEST(SmtpReplyDecoder, KeepsTheBeginningOfALongLine) {
  std::string line = "250 " + std::string(mail::kMaxReplyLine - 5, 'x');
  for (const auto& pieces : {std::vector{line + "\r\n"}, single_bytes(line + "\r\n")}) {
    auto outcome = decode(pieces);
    ASSERT_EQ(outcome.replies.size(), 1U);
    EXPECT_EQ(outcome.replies[0].lines[0], std::string(kMaxKeptLine, 'x'));
  }
}

TEST(SmtpReplyDecoder, RefusesAnEndlessLine) {
  std::string line = "250 " + std::string(mail::kMaxReplyLine, 'x');
  EXPECT_EQ(decode({line}).failure, FailureKind::kLimit);
  EXPECT_EQ(decode(single_bytes(line)).failure, FailureKind::kLimit);
}

TEST(SmtpReplyDecoder, RefusesTooManyLines) {
  std::string text;
  for (std::size_t i = 1; i < kMaxReplyLines; ++i) text += "250-x\r\n";
  EXPECT_EQ(decode({text + "250 x\r\n"}).replies.size(), 1U);
  EXPECT_EQ(decode({text + "250-x\r\n250 x\r\n"}).failure, FailureKind::kLimit);
}

}  // namespace
}  // namespace mailstead::smtp
