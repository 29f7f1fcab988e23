// BINARY (RFC 3516) and PREVIEW (8970).
#include <gtest/gtest.h>

#include "connectors/imap/server/preview_text.h"
#include "mail/transfer_encoding.h"
#include "tests/unit/imap_server/session_fixture.h"

namespace mailstead::test {
namespace {

class ImapBinary : public ImapServer {
 protected:
  ImapBinary() {
    store_.put("alice", "INBOX", nested_message());
    client_.login();
    (void)client_.command("SELECT INBOX");
  }
  Client client_{make()};
};

TEST_F(ImapBinary, DecodesPartsOnTheirWay) {
  using namespace std::string_literals;
  const std::string five = "\x00\x01\x02\x03\x04"s;
  const std::string words =
      "Sch\xC3\xB6ne Gr\xC3\xBC\xC3\x9F"
      "e";
  EXPECT_EQ(client_.command("FETCH 1 (BINARY.PEEK[3] BINARY.SIZE[3])"),
            "* 1 FETCH (BINARY[3] ~{5}\r\n" + five + " BINARY.SIZE[3] 5)\r\nt OK Fetch completed.\r\n");
  EXPECT_EQ(client_.command("FETCH 1 BINARY.PEEK[1]"),
            "* 1 FETCH (BINARY[1] {15}\r\n" + words + ")\r\nt OK Fetch completed.\r\n");
  EXPECT_EQ(client_.command("FETCH 1 BINARY.PEEK[3]<1.3>"),
            "* 1 FETCH (BINARY[3]<1> ~{3}\r\n" + five.substr(1, 3) + ")\r\nt OK Fetch completed.\r\n");
  EXPECT_EQ(client_.command("FETCH 1 BINARY.PEEK[3]<9.3>"),
            "* 1 FETCH (BINARY[3]<9> ~{0}\r\n)\r\nt OK Fetch completed.\r\n");
  EXPECT_EQ(client_.command("FETCH 1 (BINARY.SIZE[1] BINARY.SIZE[2.1] BINARY.SIZE[9])"),
            "* 1 FETCH (BINARY.SIZE[1] 15 BINARY.SIZE[2.1] 9 BINARY.SIZE[9] 0)\r\nt OK Fetch completed.\r\n");
  EXPECT_TRUE(client_.command("FETCH 1 BINARY.PEEK[9]").starts_with("* 1 FETCH (BINARY[9] NIL)\r\n"));
  // The whole message and containers come as they are.
  std::size_t size = nested_message().size();
  EXPECT_TRUE(Client::has(client_.command("FETCH 1 BINARY.PEEK[]"),
                          "BINARY[] {" + std::to_string(size) + "}\r\n" + nested_message()));
  EXPECT_TRUE(Client::has(client_.command("FETCH 1 BINARY.PEEK[2]"), "BINARY[2] {"));
}

TEST_F(ImapBinary, SetsSeenOnlyWithoutPeek) {
  (void)client_.command("FETCH 1 (BINARY.PEEK[1] BINARY.SIZE[1] PREVIEW)");
  EXPECT_TRUE(Client::has(client_.command("SEARCH SEEN"), "* SEARCH\r\n"));
  EXPECT_TRUE(Client::has(client_.command("FETCH 1 BINARY[1]"), " FLAGS (\\Seen \\Recent))"));
}

TEST_F(ImapBinary, RefusesWhatItCannotRead) {
  for (const char* item : {"BINARY", "BINARY[TEXT]", "BINARY[1.MIME]", "BINARY[0]", "BINARY[1.]", "BINARY.SIZE[1]<0.1>",
                           "BINARY.PEEK[1]<0.0>", "PREVIEW (FROB)"})
    EXPECT_TRUE(client_.command("FETCH 1 " + std::string(item)).starts_with("t BAD")) << item;
  store_.put("alice", "INBOX", "Content-Transfer-Encoding: x-own\r\n\r\nabc\r\n");
  store_.put("alice", "INBOX", "Subject: x\r\n\r\nabc\r\n");
  (void)client_.command("NOOP");
  std::string answer = client_.command("FETCH 2:3 BINARY.PEEK[1]");
  EXPECT_EQ(answer,
            "* 3 FETCH (BINARY[1] {5}\r\nabc\r\n)\r\n"
            "t NO [UNKNOWN-CTE] Some of the parts cannot be decoded.\r\n");
}

TEST_F(ImapBinary, SendsALargeAttachmentInSlicesAndWhole) {
  max_append_ = 64 * 1024 * 1024;
  std::string bytes;
  std::uint32_t state = 1;
  while (bytes.size() < 3'000'000) state = state * 1664525 + 1013904223, bytes += static_cast<char>(state >> 24U);
  std::string encoded = mail::encode_base64(bytes), lines;
  for (std::size_t at = 0; at < encoded.size(); at += 76) lines += encoded.substr(at, 76) + "\r\n";
  store_.put("alice", "Big", "Content-Transfer-Encoding: base64\r\nContent-Type: image/png\r\n\r\n" + lines);
  (void)client_.command("SELECT Big");
  EXPECT_EQ(client_.command("FETCH 1 BINARY.PEEK[1]"), "* 1 FETCH (BINARY[1] ~{" + std::to_string(bytes.size()) +
                                                           "}\r\n" + bytes + ")\r\nt OK Fetch completed.\r\n");
  EXPECT_EQ(client_.command("FETCH 1 BINARY.PEEK[1]<1000000.1500000>"), "* 1 FETCH (BINARY[1]<1000000> ~{1500000}\r\n" +
                                                                            bytes.substr(1'000'000, 1'500'000) +
                                                                            ")\r\nt OK Fetch completed.\r\n");
  EXPECT_LE(client_.largest_slice(), 3 * net::kOutputHighWater);
}

TEST_F(ImapBinary, TakesMessagesAsBinaryLiteralsUnlessTheyHoldNul) {
  EXPECT_TRUE(Client::has(client_.command("APPEND Sent (\\Seen) ~{7+}\r\na: b\r\n\r"), "t OK [APPENDUID"));
  EXPECT_TRUE(
      client_.command("APPEND Sent ~{7+}\r\na: b\r\n" + std::string(1, '\0')).starts_with("t NO [UNKNOWN-CTE]"));
  EXPECT_TRUE(client_.command("APPEND ~{4+}\r\nSent {3+}\r\nabc").starts_with("t BAD"));
  EXPECT_EQ(store_.mail().find("alice", "Sent")->messages, 1U);
}

TEST_F(ImapBinary, ShowsTheFirstWords) {
  const std::string words =
      "Sch\xC3\xB6ne Gr\xC3\xBC\xC3\x9F"
      "e";
  EXPECT_EQ(client_.command("FETCH 1 PREVIEW"),
            "* 1 FETCH (PREVIEW {15}\r\n" + words + ")\r\nt OK Fetch completed.\r\n");
  EXPECT_EQ(client_.command("FETCH 1 (PREVIEW (LAZY) UID)"),
            "* 1 FETCH (PREVIEW {15}\r\n" + words + " UID 1)\r\nt OK Fetch completed.\r\n");
  EXPECT_TRUE(Client::ok(client_.command("FETCH 1 (UID PREVIEW)")));
  EXPECT_TRUE(Client::has(client_.command("FETCH 1 PREVIEW (CHANGEDSINCE 1)"), "MODSEQ (2))\r\nt OK"));
  EXPECT_TRUE(Client::ok(client_.command("FETCH 1 PREVIEW (LAZY) (CHANGEDSINCE 1)")));
  store_.put("alice", "INBOX", "Content-Type: image/png\r\n\r\nabc");
  (void)client_.command("NOOP");
  EXPECT_TRUE(client_.command("FETCH 2 PREVIEW").starts_with("* 2 FETCH (PREVIEW \"\")\r\n"));
}

std::string preview(const std::string& message) {
  return imap::preview_text(mail::MemoryContent(message), mail::parse_structure(message));
}

TEST(PreviewText, IsTheTextOfTheFirstReadablePart) {
  EXPECT_EQ(preview("Subject: x\r\n\r\n  one\r\n\r\n\ttwo \r\n"), "one two");
  EXPECT_EQ(preview("Content-Type: text/html\r\n\r\n<html><head><title>no</title></head><style>p{}</style><p>Dear&nbsp;"
                    "all,</p><!-- no --><script>no</script>&lt;b&gt; 5 &euro; &#252;&#x3b1; AT&T &bogus;"),
            "Dear all, <b> 5 \xE2\x82\xAC \xC3\xBC\xCE\xB1 AT&T &bogus;");
  EXPECT_EQ(
      preview("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n"
              "Content-Disposition: attachment\r\n\r\nno\r\n--b\r\nContent-Type: text/html\r\n\r\n<i>yes</i>\r\n--b--"),
      "yes");
  EXPECT_EQ(
      preview("Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: base64\r\n\r\nZ3L832U="),
      "gr\xC3\xBC\xC3\x9F"
      "e");
  EXPECT_EQ(preview("\r\n"), "");
  EXPECT_EQ(preview(""), "");
}

TEST(PreviewText, IsShortAndWhole) {
  std::string text;
  for (int i = 0; i < 1000; ++i) text += "\xC3\xA4";
  std::string shown =
      preview("Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" + text);
  EXPECT_EQ(shown, text.substr(0, 400));
  EXPECT_EQ(preview("\r\n" + std::string(100'000, 'x')), std::string(200, 'x'));
  for (const char* broken :
       {"<", "<script", "<script>", "</", "<!--", "&", "&#", "&#x;", "&#99999999999;", "<style></style"})
    EXPECT_LE(imap::text_of_html(broken).size(), 20U) << broken;
}

}  // namespace
}  // namespace mailstead::test
