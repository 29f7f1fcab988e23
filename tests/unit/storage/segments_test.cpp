#include "storage/segments/appender.h"
#include "storage/segments/spool.h"
#include "storage/sync_failed.h"
#include "tests/unit/storage/store_fixture.h"

#include <fcntl.h>

#include <gmock/gmock.h>

namespace mailstead::storage::segments {
namespace {

class SegmentsTest : public testing::Test {
 protected:
  SegmentsTest() { std::filesystem::create_directories(directory_.data()); }
  Appender appender(AppenderState state = {}) { return {segments_, 1000, 500, state}; }
  static std::shared_ptr<const mail::Content> memory(const std::string& bytes) {
    return std::make_shared<mail::MemoryContent>(bytes);
  }
  std::shared_ptr<const mail::Content> spooled(const std::string& bytes) {
    SpoolingContent incoming({directory_.data(), 10}, std::make_shared<MemoryBudget>(1000), 0);
    incoming.append(bytes);
    return incoming.finish();
  }
  std::string at(Place place, std::size_t size) {
    SegmentContent content(segments_.open(place.segment), place.offset + kRecordHeaderSize, size);
    return read_all(content);
  }
  std::size_t files() {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(directory_.data()), {}));
  }

  TemporaryDirectory directory_;
  SegmentDirectory segments_{directory_.data()};
};

TEST(SegmentRecord, HeaderComesBackAndAnyOtherIsRefused) {
  RecordHeader header{(1ULL << 40) + 5, mail::sha256("x")};
  EncodedHeader bytes = encode(header);
  EXPECT_EQ(decode({bytes.data(), bytes.size()}), header);
  EXPECT_EQ(decode({bytes.data(), bytes.size() - 1}), std::nullopt);
  for (std::size_t i = 0; i < 8; ++i) {
    EncodedHeader other = bytes;
    other[i] = static_cast<char>(other[i] ^ 1);
    EXPECT_EQ(decode({other.data(), other.size()}), std::nullopt) << i;
  }
}

TEST(SegmentName, OnlyOurOwnNamesAreNames) {
  EXPECT_EQ(segment_name(42), "00000042.seg");
  EXPECT_EQ(parse_segment_name(segment_name(123'456'789)), 123'456'789);
  for (const char* name : {"42.seg", "00000042", "0000004x.seg", "00000000.seg", "-0000042.seg", "00000042.seg~"}) {
    EXPECT_EQ(parse_segment_name(name), std::nullopt) << name;
  }
}

TEST_F(SegmentsTest, RewoundBytesAreOverwritten) {
  Appender writer = appender();
  Place first = writer.append(memory("first"), mail::sha256("first"));
  writer.sync();
  writer.keep();
  static_cast<void>(writer.append(memory("lost"), mail::sha256("lost")));
  writer.sync();
  writer.rewind();
  Place second = writer.append(memory("second one"), mail::sha256("second one"));
  writer.sync();
  writer.keep();
  EXPECT_EQ(second.offset, kRecordHeaderSize + 5);
  EXPECT_EQ(at(first, 5), "first");
  EXPECT_EQ(at(second, 10), "second one");
}

TEST_F(SegmentsTest, RewindingRemovesTheFilesOfTheGroupAndGoesBackToTheSegmentBefore) {
  Appender writer = appender();
  Place first = writer.append(memory("first"), mail::sha256("first"));
  writer.sync();
  writer.keep();
  std::string large(990, 'x');
  EXPECT_NE(writer.append(memory(large), mail::sha256(large)).segment, first.segment);
  static_cast<void>(writer.append(spooled(std::string(600, 's')), mail::sha256("s")));
  EXPECT_EQ(files(), 3U);
  writer.rewind();
  EXPECT_EQ(files(), 1U);
  Place second = writer.append(memory("second"), mail::sha256("second"));
  writer.sync();
  EXPECT_EQ(second.segment, first.segment);
  EXPECT_EQ(at(second, 6), "second");
}

TEST_F(SegmentsTest, ALargeSpoolFileBecomesASegmentOnceAndIsCopiedAfterwards) {
  Appender writer = appender();
  std::string bytes(600, 'b');
  auto content = spooled(bytes);
  Place adopted = writer.append(content, mail::sha256(bytes));
  writer.sync();
  writer.rewind();  // the transaction failed; the same content is tried again
  Place copied = writer.append(content, mail::sha256(bytes));
  writer.sync();
  writer.keep();
  EXPECT_NE(adopted.segment, copied.segment);
  EXPECT_EQ(at(copied, bytes.size()), bytes);
  EXPECT_EQ(read_all(*content), bytes);
  EXPECT_EQ(files(), 1U);
}

TEST_F(SegmentsTest, ASegmentThatIsFullIsFollowedByAnother) {
  Appender writer = appender();
  std::string bytes(400, 'b');
  std::vector<Place> places;
  for (int i = 0; i < 5; ++i) places.push_back(writer.append(memory(bytes), mail::sha256(bytes)));
  writer.sync();
  writer.keep();
  EXPECT_EQ(files(), 3U);
  for (Place place : places) EXPECT_EQ(at(place, bytes.size()), bytes);
}

TEST_F(SegmentsTest, AReaderOutlivesTheFile) {
  Appender writer = appender();
  Place place = writer.append(memory("kept"), mail::sha256("kept"));
  writer.sync();
  SegmentContent content(segments_.open(place.segment), kRecordHeaderSize, 4);
  segments_.forget(place.segment);
  EXPECT_TRUE(remove_file(segments_.path_of(place.segment)));
  EXPECT_EQ(read_all(content), "kept");
  EXPECT_EQ(segments_.open(place.segment), nullptr);
}

TEST_F(SegmentsTest, ASegmentThatEndsTooEarlyIsAFailureOfThatMessage) {
  Appender writer = appender();
  Place place = writer.append(memory("kept"), mail::sha256("kept"));
  writer.sync();
  std::filesystem::resize_file(segments_.path_of(place.segment), kRecordHeaderSize + 2);
  SegmentContent content(segments_.open(place.segment), kRecordHeaderSize, 4);
  try {
    static_cast<void>(read_all(content));
    FAIL();
  } catch (const mail::Failure& failure) {
    EXPECT_EQ(failure.scope(), mail::FailureScope::kMessage);
  }
}

TEST_F(SegmentsTest, ARefusedSyncIsToldApartFromOtherFailures) {
  File file(directory_.data() + "/f", O_RDWR | O_CREAT);
  file.close();
  EXPECT_THROW(file.sync(), SyncFailed);
}

TEST(MemoryBudget, IsNeverExceededAndIsGivenBack) {
  TemporaryDirectory directory;
  auto budget = std::make_shared<MemoryBudget>(100'000);
  SpoolSettings settings{directory.path(), 1'000'000};
  {
    std::vector<std::shared_ptr<const mail::Content>> contents;
    for (int i = 0; i < 20; ++i) {
      SpoolingContent incoming(settings, budget, 0);
      for (int j = 0; j < 30; ++j) incoming.append(std::string(1000, static_cast<char>('a' + i)));
      contents.push_back(incoming.finish());
      EXPECT_LE(budget->used(), 100'000U);
    }
    EXPECT_TRUE(contents.front()->in_memory());
    EXPECT_FALSE(contents.back()->in_memory());
    for (int i = 0; i < 20; ++i) {
      EXPECT_EQ(read_all(*contents[static_cast<std::size_t>(i)]), std::string(30'000, static_cast<char>('a' + i)));
    }
  }
  EXPECT_EQ(budget->used(), 0U);
  EXPECT_TRUE(std::filesystem::is_empty(directory.path()));
}

TEST(MemoryBudget, ASizeHintThatLiesDoesNoHarm) {
  TemporaryDirectory directory;
  auto budget = std::make_shared<MemoryBudget>(1000);
  for (mail::ByteCount hint : {mail::ByteCount{0}, mail::ByteCount{10}, ~mail::ByteCount{0}}) {
    SpoolingContent incoming({directory.path(), 500}, budget, hint);
    incoming.append("short");
    EXPECT_EQ(read_all(*incoming.finish()), "short");
  }
  EXPECT_EQ(budget->used(), 0U);
}

}  // namespace
}  // namespace mailstead::storage::segments
