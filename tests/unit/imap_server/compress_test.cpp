// COMPRESS=DEFLATE (RFC 4978), up to the listener's part.
#include <gtest/gtest.h>

#include "tests/unit/imap_server/session_fixture.h"

namespace mailstead::test {
namespace {

using ImapCompress = ImapServer;

TEST_F(ImapCompress, BeginsOnceBehindItsAnswer) {
  Client client = signed_in();
  EXPECT_TRUE(Client::has(client.command("CAPABILITY"), " COMPRESS=DEFLATE\r\n"));
  EXPECT_EQ(client.command("COMPRESS DEFLATE"), "t OK DEFLATE begins.\r\n");
  EXPECT_EQ(client.compressions(), 1);
  EXPECT_FALSE(Client::has(client.command("CAPABILITY"), "COMPRESS"));
  EXPECT_TRUE(Client::has(client.command("COMPRESS DEFLATE"), "t NO [COMPRESSIONACTIVE]"));
  EXPECT_EQ(client.compressions(), 1);
}

TEST_F(ImapCompress, LeavesWhatFollowsToTheDriver) {
  auto session = make();
  net::InputBuffer input;
  std::string output;
  (void)session->advance(input, output);
  input.append("a LOGIN alice secret\r\nb COMPRESS DEFLATE\r\n\x4a\x04");
  EXPECT_EQ(session->advance(input, output), net::SessionStep::kCompress);
  EXPECT_TRUE(output.ends_with("b OK DEFLATE begins.\r\n"));
  EXPECT_EQ(input.bytes(), "\x4a\x04");
}

TEST_F(ImapCompress, IsRefusedBeforeTheSignInAndByOtherNames) {
  Client stranger(make());
  EXPECT_TRUE(Client::has(stranger.command("COMPRESS DEFLATE"), "t BAD"));
  EXPECT_FALSE(Client::has(stranger.command("CAPABILITY"), "COMPRESS"));
  Client client = signed_in();
  EXPECT_TRUE(Client::has(client.command("COMPRESS LZW"), "t NO [CANNOT]"));
  EXPECT_TRUE(Client::has(client.command("COMPRESS"), "t BAD"));
  EXPECT_TRUE(Client::has(client.command("COMPRESS DEFLATE x"), "t BAD"));
  EXPECT_EQ(client.compressions() + stranger.compressions(), 0);
}

}  // namespace
}  // namespace mailstead::test
