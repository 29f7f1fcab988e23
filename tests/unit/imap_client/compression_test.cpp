// A session whose server begins to compress in the middle of a read.

#include <gtest/gtest.h>
#include <zlib.h>

#include "connectors/imap/client/session.h"
#include "tests/support/memory_stream.h"

namespace mailstead::imap {
namespace {

std::string deflated(std::string_view text) {
  std::string out(text.size() + 100, '\0');
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 9, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY), Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  (void)deflate(&stream, Z_SYNC_FLUSH);
  out.resize(out.size() - stream.avail_out);
  deflateEnd(&stream);
  return out;
}

TEST(Compression, OctetsReadBehindTheOkAreCompressedAlready) {
  const std::string clear = "M1 OK DEFLATE active\r\n";
  const std::string wire = clear + deflated("* 7 EXISTS\r\nM2 OK done\r\n");
  for (std::size_t cut = 1; cut < wire.size(); ++cut) {
    auto written = std::make_shared<std::string>();
    Session session(std::make_unique<testing::MemoryStream>(wire, 65536, cut, written), {});
    session.restart_clock({});
    ASSERT_TRUE(session.run(CommandText("COMPRESS DEFLATE")).ok());
    session.begin_compression();
    ASSERT_TRUE(session.run(CommandText("NOOP")).ok()) << cut;
    EXPECT_EQ(session.mailbox().exists, 7U) << cut;
    EXPECT_TRUE(written->starts_with("M1 COMPRESS DEFLATE\r\n"));
    EXPECT_EQ(written->find("NOOP"), std::string::npos) << "a fixed block holds no clear text";
  }
}

}  // namespace
}  // namespace mailstead::imap
