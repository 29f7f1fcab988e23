// Compression over a stream: the same octets come out, in whatever pieces they arrive, and never without bound.

#include "connectors/net/deflate_stream.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <thread>

#include "connectors/net/buffered_reader.h"
#include "connectors/net/dial.h"
#include "mail/failure.h"
#include "tests/support/memory_stream.h"

namespace mailstead::net {
namespace {

using namespace std::chrono_literals;
using mail::Failure;
using mail::FailureKind;
using mail::operator""_KiB;
using mail::operator""_MiB;
using testing::MemoryStream;
using State = TryResult::State;

Deadline soon() {
  return Deadline::in(20s);
}

// Raw deflate of `text`, ending on a flush of the given kind.
std::string deflated(std::string_view text, int flush = Z_SYNC_FLUSH) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 9, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(deflateBound(&stream, text.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  (void)deflate(&stream, flush);
  out.resize(out.size() - stream.avail_out);
  deflateEnd(&stream);
  return out;
}

// Text that does not compress well, the same at each run.
std::string noise(std::size_t size) {
  std::string text(size, '\0');
  std::uint32_t state = 12345;
  for (char& c : text) state = state * 1664525 + 1013904223, c = static_cast<char>(state >> 24U);
  return text;
}

std::string read_to_end(Stream& stream, std::size_t buffer_size = 4096) {
  std::string all, buffer(buffer_size, '\0');
  while (const std::size_t got = stream.read_some(buffer, soon())) all.append(buffer, 0, got);
  return all;
}

std::pair<std::unique_ptr<Stream>, std::unique_ptr<Stream>> connected() {
  std::array<int, 2> pair{};
  EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()), 0);
  return {adopt_descriptor(pair[0]), adopt_descriptor(pair[1])};
}

const std::string kAnswers = "* 3 EXISTS\r\n* 1 FETCH (UID 5)\r\nM4 OK FETCH completed\r\n";

TEST(DeflateStream, ReadsTheSameWholeByteByByteAndAtEverySplit) {
  const std::string wire = deflated(kAnswers);
  for (std::size_t cut = 0; cut <= wire.size(); ++cut) {
    DeflateStream whole(std::make_unique<MemoryStream>(wire, 65536, cut), "");
    EXPECT_EQ(read_to_end(whole), kAnswers) << cut;
    DeflateStream behind_the_ok(std::make_unique<MemoryStream>(wire.substr(cut)), wire.substr(0, cut));
    EXPECT_EQ(read_to_end(behind_the_ok), kAnswers) << cut;
  }
  DeflateStream octets(std::make_unique<MemoryStream>(wire, 1), "");
  EXPECT_EQ(read_to_end(octets, 1), kAnswers);
}

TEST(DeflateStream, EachWriteCanBeReadAtOnce) {
  auto [below, peer] = connected();
  DeflateStream ours(std::move(below), "");
  DeflateStream theirs(std::move(peer), "", DeflateStream::Sends::kMail);
  for (const std::string& line : {std::string("M1 NOOP\r\n"), std::string("M2 SELECT INBOX\r\n")}) {
    ours.write_all(line, soon());
    std::string buffer(100, '\0');
    EXPECT_EQ(buffer.substr(0, theirs.read_some(buffer, soon())), line);
  }
}

TEST(DeflateStream, GoesOnAfterARest) {
  auto [below, peer] = connected();
  DeflateStream ours(std::move(below), "");
  DeflateStream theirs(std::move(peer), "", DeflateStream::Sends::kMail);
  for (int i = 0; i < 50; ++i) {
    const std::string said = kAnswers + std::to_string(i);
    theirs.write_all(said, soon());
    theirs.rest();
    if (i % 3 == 0) theirs.rest();
    std::string got(said.size(), '\0');
    for (std::size_t at = 0; at < got.size();) at += ours.read_some(std::span(got).subspan(at), soon());
    EXPECT_EQ(got, said);
  }
}

TEST(DeflateStream, CarriesMegabytesBothWays) {
  const std::string text = noise(3_MiB) + std::string(2_MiB, 'a');
  auto [below, peer] = connected();
  DeflateStream ours(std::move(below), "");
  std::string echoed;
  std::jthread echo([&, peer = std::move(peer)]() mutable {
    DeflateStream theirs(std::move(peer), "", DeflateStream::Sends::kMail);
    std::string buffer(60'000, '\0');
    while (echoed.size() < text.size()) echoed.append(buffer, 0, theirs.read_some(buffer, soon()));
    theirs.write_all(echoed, soon());
    theirs.close();
  });
  ours.write_all(text, soon());
  EXPECT_TRUE(read_to_end(ours, 50'000) == text);
  echo.join();
  EXPECT_TRUE(echoed == text);
}

TEST(DeflateStream, TryWriteSaysDoneOnlyWhenAllOfItIsOut) {
  const std::string text = noise(4_MiB);
  auto [below, peer] = connected();
  DeflateStream ours(std::move(below), "", DeflateStream::Sends::kMail);
  DeflateStream theirs(std::move(peer), "");
  std::string received, buffer(10'000, '\0');
  std::size_t written = 0, stalls = 0;
  while (received.size() < text.size()) {
    while (written < text.size()) {
      const TryResult result = ours.try_write(std::string_view(text).substr(written));
      if (result.state == State::kWantsWrite) {
        ++stalls;
        break;
      }
      ASSERT_EQ(result.state, State::kDone);
      written += result.count;
    }
    const TryResult result = theirs.try_read(buffer);
    if (result.state == State::kDone) received.append(buffer, 0, result.count);
  }
  EXPECT_GT(stalls, 0U);
  EXPECT_TRUE(received == text);
  EXPECT_EQ(theirs.try_read(buffer).state, State::kWantsRead);
}

TEST(DeflateStream, TellsOfOutputThatNoDescriptorWillAnnounce) {
  const std::string text(100'000, 'x');
  auto [below, peer] = connected();
  DeflateStream stream(std::move(below), "");
  EXPECT_FALSE(stream.has_pending());
  peer->write_all(deflated(text), soon());
  std::string buffer(1000, '\0');
  std::size_t total = stream.read_some(buffer, soon());
  EXPECT_TRUE(stream.has_pending());
  while (stream.has_pending()) {
    const TryResult result = stream.try_read(buffer);
    if (result.state == State::kDone) total += result.count;
  }
  EXPECT_EQ(total, text.size());
  EXPECT_EQ(stream.try_read(buffer).state, State::kWantsRead);
}

TEST(DeflateStream, RefusesABomb) {
  const std::string bomb = deflated(std::string(32_MiB, '\0'));
  ASSERT_GT(32_MiB / bomb.size(), 500U);
  DeflateStream stream(std::make_unique<MemoryStream>(bomb), "");
  std::string buffer(64_KiB, '\0');
  std::size_t total = 0;
  try {
    while (const std::size_t got = stream.read_some(buffer, soon())) total += got;
    FAIL();
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.kind(), FailureKind::kLimit);
    EXPECT_NE(failure.text().find("decompression bomb"), std::string::npos) << failure.text();
  }
  EXPECT_LT(total, 3_MiB);
}

TEST(DeflateStream, LetsAMegabyteOfTheSameThrough) {
  const std::string text(1_MiB, ' ');
  DeflateStream stream(std::make_unique<MemoryStream>(deflated(text)), "");
  EXPECT_TRUE(read_to_end(stream) == text);
}

TEST(DeflateStream, BrokenDataEndsTheSession) {
  const std::vector<std::pair<const char*, std::string>> rows{
      {"reserved block type", "\x07"},
      {"clear text", "* OK still in the clear, as if nothing had been agreed on\r\n"},
      {"zlib header", "\x78\x9c\xff\xff\xff\xff"},
      {"distance beyond the window", std::string("\x4b\x04\xd2\x3f\xff\xff\xff", 7)},
  };
  for (const auto& [name, wire] : rows) {
    DeflateStream stream(std::make_unique<MemoryStream>(wire), "");
    try {
      (void)read_to_end(stream);
      FAIL() << name;
    } catch (const Failure& failure) {
      EXPECT_EQ(failure.kind(), FailureKind::kProtocol) << name;
    }
  }
}

TEST(DeflateStream, TheEndOfTheDeflateStreamIsTheEnd) {
  DeflateStream stream(std::make_unique<MemoryStream>(deflated("* BYE\r\n", Z_FINISH) + "forged"), "");
  EXPECT_EQ(read_to_end(stream), "* BYE\r\n");
}

TEST(DeflateStream, ACutStreamIsNoLine) {
  const std::string wire = deflated("M1 OK done\r\n");
  DeflateStream stream(std::make_unique<MemoryStream>(wire.substr(0, 6)), "");
  BufferedReader reader(stream);
  EXPECT_THROW((void)reader.read_line(100, soon()), Failure);
}

TEST(DeflateStream, RefusesTlsInside) {
  DeflateStream stream(std::make_unique<MemoryStream>(""), "");
  EXPECT_THROW(stream.start_tls({}, "localhost", soon()), Failure);
}

TEST(DeflateStream, ASilentPeerEndsAtTheDeadline) {
  auto [below, peer] = connected();
  DeflateStream stream(std::move(below), "");
  std::array<char, 16> buffer;
  EXPECT_THROW((void)stream.read_some(buffer, Deadline::in(50ms)), Failure);
  // The stream is still good.
  peer->write_all(deflated("x"), soon());
  EXPECT_EQ(stream.read_some(buffer, soon()), 1U);
}

}  // namespace
}  // namespace mailstead::net
