#include "connectors/net/buffered_reader.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "mail/failure.h"

namespace mailstead::net {
namespace {

using namespace std::chrono_literals;
using mail::Failure;
using mail::FailureKind;

// Hands out prepared pieces, one per read.
class Pieces final : public Stream {
 public:
  explicit Pieces(std::vector<std::string> pieces) : pieces_(std::move(pieces)) {}
  std::size_t read_some(std::span<char> into, const Deadline& deadline) override {
    last_deadline = deadline.at;
    if (next_ == pieces_.size()) return 0;
    std::string& piece = pieces_[next_];
    const std::size_t count = std::min(piece.size(), into.size());
    std::copy_n(piece.begin(), count, into.begin());
    piece.erase(0, count);
    if (piece.empty()) ++next_;
    largest_read = std::max(largest_read, into.size());
    return count;
  }
  void write_all(std::string_view, const Deadline&) override {}
  TryResult try_read(std::span<char>) override { return {}; }
  TryResult try_write(std::string_view) override { return {}; }
  void start_tls(const TlsSettings&, const std::string&, const Deadline&) override {}
  TryResult try_accept_tls(const ServerTls&) override { return {}; }
  std::optional<TlsFacts> tls() const override { return std::nullopt; }
  bool has_pending() const override { return false; }
  int descriptor() const override { return -1; }
  std::string peer() const override { return "peer"; }
  void close() noexcept override {}

  std::size_t largest_read = 0;
  mail::SteadyTime last_deadline;

 private:
  std::vector<std::string> pieces_;
  std::size_t next_ = 0;
};

Deadline soon() {
  return Deadline::in(10s);
}

std::vector<std::string> lines_of(std::vector<std::string> pieces, std::size_t limit) {
  Pieces stream(std::move(pieces));
  BufferedReader reader(stream);
  std::vector<std::string> lines;
  try {
    for (;;) lines.emplace_back(reader.read_line(limit, soon()));
  } catch (const Failure& failure) {
    lines.emplace_back(mail::name_of(failure.kind()));
  }
  return lines;
}

TEST(BufferedReader, FindsTheSameLinesAtEverySplit) {
  const std::string input = "one\r\n\r\ntwo\nth\rree\r\nunfinished";
  const std::vector<std::string> expected{"one", "", "two", "th\rree", "temporary"};
  EXPECT_EQ(lines_of({input}, 100), expected);
  for (std::size_t split = 1; split < input.size(); ++split)
    EXPECT_EQ(lines_of({input.substr(0, split), input.substr(split)}, 100), expected) << split;
  std::vector<std::string> octets;
  for (char c : input) octets.emplace_back(1, c);
  EXPECT_EQ(lines_of(octets, 100), expected);
}

TEST(BufferedReader, RefusesALineAboveTheLimitWhereverItsEndIs) {
  const std::vector<std::string> refused{"limit"};
  EXPECT_EQ(lines_of({"12345\r\n"}, 5).front(), "12345");
  EXPECT_EQ(lines_of({"12345\r", "\n"}, 5).front(), "12345");
  EXPECT_EQ(lines_of({"12345\n"}, 5).front(), "12345");
  EXPECT_EQ(lines_of({"123456\r\n"}, 5), refused);
  EXPECT_EQ(lines_of({"123456"}, 5), refused);
  EXPECT_EQ(lines_of({"12345\r\r\n"}, 5), refused);
}

TEST(BufferedReader, RefusesAnEndlessLineWithoutKeepingIt) {
  Pieces stream(std::vector<std::string>(10, std::string(64 * 1024, 'x')));
  BufferedReader reader(stream);
  try {
    (void)reader.read_line(mail::kMaxReplyLine, soon());
    FAIL();
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.kind(), FailureKind::kLimit);
  }
  EXPECT_LT(reader.total(), 3 * mail::kMaxReplyLine);
}

TEST(BufferedReader, HandsOverExactlyTheOctetsAsked) {
  const std::string body(200'000, 'b');
  Pieces stream({"head\r\n" + body + "tail\r\n"});
  BufferedReader reader(stream);
  EXPECT_EQ(reader.read_line(100, soon()), "head");
  std::string got;
  reader.read_exactly(body.size(), 1s, soon(), [&](std::string_view chunk) { got += chunk; });
  EXPECT_EQ(got, body);
  EXPECT_EQ(reader.read_line(100, soon()), "tail");
  EXPECT_EQ(reader.total(), body.size() + 12);
  EXPECT_LE(stream.largest_read, 64U * 1024);
}

TEST(BufferedReader, CapsEachWaitWithinABody) {
  Pieces stream({"ab", "cd"});
  BufferedReader reader(stream);
  reader.read_exactly(4, 1s, Deadline::in(1h), [](std::string_view) {});
  EXPECT_LT(stream.last_deadline, std::chrono::steady_clock::now() + 2s);
}

TEST(BufferedReader, NeverTakesATruncatedBodyForAWholeOne) {
  Pieces stream({"abc"});
  BufferedReader reader(stream);
  try {
    reader.read_exactly(4, 1s, soon(), [](std::string_view) {});
    FAIL();
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.kind(), FailureKind::kTemporary);
    EXPECT_NE(failure.text().find("connection closed"), std::string::npos);
  }
}

TEST(BufferedReader, RefusesClearTextBehindStarttls) {
  Pieces stream({"OK begin\r\n* CAPABILITY forged\r\n"});
  BufferedReader reader(stream);
  EXPECT_NO_THROW(reader.require_empty());
  (void)reader.read_line(100, soon());
  try {
    reader.require_empty();
    FAIL();
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.kind(), FailureKind::kProtocol);
  }
}

TEST(BufferedReader, BoundsACallerThatNeverConsumes) {
  Pieces stream(std::vector<std::string>(300, std::string(64 * 1024, 'x')));
  BufferedReader reader(stream);
  EXPECT_THROW(
      {
        for (;;) reader.fill(soon());
      },
      Failure);
  EXPECT_LE(reader.total(), 16U * 1024 * 1024);
}

TEST(BufferedReader, ShrinksOnlyWhenEmpty) {
  Pieces stream({"a\r\nb\r\n"});
  BufferedReader reader(stream);
  EXPECT_EQ(reader.read_line(10, soon()), "a");
  reader.shrink();
  EXPECT_EQ(reader.read_line(10, soon()), "b");
  reader.shrink();
  EXPECT_EQ(reader.buffered(), "");
}

}  // namespace
}  // namespace mailstead::net
