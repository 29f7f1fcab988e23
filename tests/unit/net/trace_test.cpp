// What a trace shows and, above all, what it never does: a password in whatever form it travels.

#include "connectors/net/trace_stream.h"

#include <gtest/gtest.h>

#include "connectors/net/deflate_stream.h"
#include "mail/transfer_encoding.h"
#include "tests/support/memory_stream.h"

namespace mailstead::net {
namespace {

using testing::MemoryStream;

constexpr std::string_view kCanary = "c4n4ry-s3cret";

// One side's octets at a time: {'C', "…"}.
using Dialogue = std::vector<std::pair<char, std::string>>;

// In pieces of `piece` octets.
std::vector<std::string> traced(const Dialogue& dialogue, std::size_t piece = 100'000) {
  std::vector<std::string> lines;
  TraceFilter filter([&](const std::string& line) { lines.push_back(line); });
  for (const auto& [side, octets] : dialogue)
    for (std::size_t at = 0; at < octets.size(); at += piece)
      side == 'C' ? filter.sent(octets.substr(at, piece)) : filter.received(octets.substr(at, piece));
  filter.note("end");
  return lines;
}

std::string joined(const std::vector<std::string>& lines) {
  std::string all;
  for (const std::string& line : lines) all += line + "\n";
  return all;
}

struct Row {
  const char* name;
  Dialogue dialogue;
  std::string shown;
};

std::vector<Row> rows() {
  const std::string secret(kCanary);
  const std::string plain = mail::encode_base64(std::string("\0alice\0", 7) + secret);
  const std::string alone = mail::encode_base64(secret);
  const std::string bearer = mail::encode_base64("user=alice\1auth=Bearer " + secret + "\1\1");
  return {
      {"IMAP LOGIN",
       {{'S', "* OK ready\r\n"},
        {'C', "M1 LOGIN alice " + secret + "\r\n"},
        {'S', "M1 OK in\r\n"},
        {'C', "M2 NOOP\r\n"}},
       "S: * OK ready\nC: M1 LOGIN ***\nS: M1 OK in\nC: M2 NOOP\n*: end\n"},
      {"IMAP LOGIN, quoted",
       {{'S', "* OK ready\r\n"}, {'C', "M1 login \"al\\\"ice\" \"" + secret + "\"\r\n"}},
       "S: * OK ready\nC: M1 login ***\n*: end\n"},
      {"IMAP LOGIN, literals",
       {{'S', "* OK ready\r\n"},
        {'C', "M1 LOGIN {5}\r\n"},
        {'S', "+ go\r\n"},
        {'C', "alice {" + std::to_string(secret.size()) + "}\r\n"},
        {'S', "+ go\r\n"},
        {'C', secret + "\r\n"},
        {'S', "M1 OK in\r\n"},
        {'C', "M2 NOOP\r\n"}},
       "S: * OK ready\nC: M1 LOGIN *** (5 octets)\nS: + go\nC: *** (13 octets)\nS: + go\nC: ***\nS: M1 OK in\nC: M2 "
       "NOOP\n*: end\n"},
      {"IMAP LOGIN, literals that do not wait",
       {{'S', "* OK ready\r\n"}, {'C', "M1 LOGIN {5+}\r\nalice \"" + secret + "\"\r\nM2 NOOP\r\n"}},
       "S: * OK ready\nC: M1 LOGIN *** (5 octets)\nC: ***\nC: M2 NOOP\n*: end\n"},
      {"IMAP initial response, with the next command behind it",
       {{'S', "* OK ready\r\n"},
        {'C', "M1 AUTHENTICATE PLAIN " + plain + "\r\nM2 LIST \"\" *\r\n"},
        {'S', "M1 OK in\r\n"}},
       "S: * OK ready\nC: M1 AUTHENTICATE PLAIN ***\nC: M2 LIST \"\" *\nS: M1 OK in\n*: end\n"},
      {"IMAP response on a line of its own",
       {{'S', "* OK ready\r\n"},
        {'C', "M1 AUTHENTICATE PLAIN\r\n"},
        {'S', "+ \r\n"},
        {'C', plain + "\r\n"},
        {'S', "M1 NO\r\n"}},
       "S: * OK ready\nC: M1 AUTHENTICATE PLAIN\nS: + \nC: ***\nS: M1 NO\n*: end\n"},
      {"IMAP LOGIN mechanism",
       {{'S', "* OK ready\r\n"},
        {'C', "M1 AUTHENTICATE LOGIN\r\n"},
        {'S', "+ VXNlcm5hbWU6\r\n"},
        {'C', "YWxpY2U=\r\n"},
        {'S', "+ UGFzc3dvcmQ6\r\n"},
        {'C', alone + "\r\n"},
        {'S', "M1 OK\r\n"}},
       "S: * OK ready\nC: M1 AUTHENTICATE LOGIN\nS: + ***\nC: ***\nS: + ***\nC: ***\nS: M1 OK\n*: end\n"},
      {"IMAP token",
       {{'S', "* OK ready\r\n"},
        {'C', "M1 AUTHENTICATE XOAUTH2 " + bearer + "\r\n"},
        {'S', "+ eyJ9\r\n"},
        {'C', "\r\n"},
        {'S', "M1 NO\r\n"}},
       "S: * OK ready\nC: M1 AUTHENTICATE XOAUTH2 ***\nS: + ***\nC: ***\nS: M1 NO\n*: end\n"},
      {"POP3 PASS",
       {{'S', "+OK <1@x>\r\n"},
        {'C', "USER alice\r\n"},
        {'S', "+OK\r\n"},
        {'C', "PASS " + secret + " with blanks\r\n"},
        {'S', "+OK\r\n"}},
       "S: +OK <1@x>\nC: USER alice\nS: +OK\nC: PASS ***\nS: +OK\n*: end\n"},
      {"POP3 APOP",
       {{'S', "+OK <1@x>\r\n"}, {'C', "APOP alice " + secret + "\r\n"}, {'S', "+OK\r\n"}},
       "S: +OK <1@x>\nC: APOP alice ***\nS: +OK\n*: end\n"},
      {"POP3 AUTH",
       {{'S', "+OK\r\n"},
        {'C', "AUTH PLAIN\r\n"},
        {'S', "+ \r\n"},
        {'C', plain + "\r\n"},
        {'S', "+OK\r\n"},
        {'C', "STAT\r\n"}},
       "S: +OK\nC: AUTH PLAIN\nS: + \nC: ***\nS: +OK\nC: STAT\n*: end\n"},
      {"SMTP AUTH",
       {{'S', "220 x\r\n"},
        {'C', "AUTH LOGIN\r\n"},
        {'S', "334 VXNlcm5hbWU6\r\n"},
        {'C', alone + "\r\n"},
        {'S', "235 in\r\n"},
        {'C', "RSET\r\n"}},
       "S: 220 x\nC: AUTH LOGIN\nS: 334 ***\nC: ***\nS: 235 in\nC: RSET\n*: end\n"},
      {"a command that was cut off", {{'S', "+OK\r\n"}, {'C', "PASS " + secret}}, "S: +OK\nC: PASS ***\n*: end\n"},
      {"before the server has spoken", {{'C', "M1 LOGIN alice " + secret + "\r\n"}}, "C: ***\n*: end\n"},
      {"a token in the open",
       {{'S', "* OK ready\r\n"}, {'S', "* NO bad header: Authorization: Bearer " + secret + "\r\n"}},
       "S: * OK ready\nS: * NO bad header: Authorization: Bearer ***\n*: end\n"},
  };
}

TEST(Trace, HidesSecretsHoweverTheyAreCut) {
  for (const Row& row : rows())
    for (std::size_t piece : {std::size_t{100'000}, std::size_t{1}, std::size_t{2}, std::size_t{3}, std::size_t{7}}) {
      const std::string shown = joined(traced(row.dialogue, piece));
      EXPECT_EQ(shown, row.shown) << row.name << " by " << piece;
      for (const std::string& form : {std::string(kCanary), mail::encode_base64(kCanary),
                                      mail::encode_base64(std::string("\0alice\0", 7) + std::string(kCanary))})
        EXPECT_EQ(shown.find(form), std::string::npos) << row.name;
      EXPECT_EQ(shown.find("3cret"), std::string::npos) << row.name;
    }
}

TEST(Trace, ShowsMessagesByTheirSize) {
  EXPECT_EQ(joined(traced({{'S', "* PREAUTH in\r\n"},
                           {'S', "* 1 FETCH (UID 5 BODY[] {11}\r\nFrom: x\r\n\r\n FLAGS (\\Seen))\r\n"}})),
            "S: * PREAUTH in\nS: * 1 FETCH (UID 5 BODY[] {11} (11 octets)\nS:  FLAGS (\\Seen))\n*: end\n");
  EXPECT_EQ(joined(traced({{'S', "+OK\r\n"},
                           {'C', "RETR 1\r\nRETR 2\r\nUIDL\r\nQUIT\r\n"},
                           {'S', "+OK\r\nFrom: x\r\n\r\nhi\r\n.\r\n-ERR gone\r\n+OK\r\n1 abc\r\n.\r\n+OK bye\r\n"}})),
            "S: +OK\nC: RETR 1\nC: RETR 2\nC: UIDL\nC: QUIT\nS: +OK\nS: (a message of 15 octets)\nS: .\nS: -ERR gone\n"
            "S: +OK\nS: 1 abc\nS: .\nS: +OK bye\n*: end\n");
  // The end of a message is no reply: the third is still one.
  EXPECT_EQ(joined(traced({{'S', "+OK\r\n"},
                           {'C', "AUTH PLAIN AGEAYg==\r\nCAPA\r\n"},
                           {'S', "+OK in\r\n+OK\r\nTOP\r\n.\r\n"},
                           {'C', "RETR 1\r\nRETR 2\r\nRETR 3\r\n"},
                           {'S', "+OK\r\nhi\r\n.\r\n+OK\r\nhi\r\n.\r\n+OK\r\nhi\r\n.\r\n"}})),
            "S: +OK\nC: AUTH PLAIN ***\nC: CAPA\nS: +OK in\nS: +OK\nS: TOP\nS: .\nC: RETR 1\nC: RETR 2\nC: RETR 3\n"
            "S: +OK\nS: (a message of 4 octets)\nS: .\nS: +OK\nS: (a message of 4 octets)\nS: .\n"
            "S: +OK\nS: (a message of 4 octets)\nS: .\n*: end\n");
  EXPECT_EQ(joined(traced({{'S', "220 x\r\n"},
                           {'C', "DATA\r\n"},
                           {'S', "354 go\r\n"},
                           {'C', "Subject: x\r\n\r\nhi\r\n.\r\n"},
                           {'S', "250 ok\r\n"}})),
            "S: 220 x\nC: DATA\nS: 354 go\nC: (a message of 18 octets)\nC: .\nS: 250 ok\n*: end\n");
}

TEST(Trace, EscapesAndCutsWhatTheServerSays) {
  const std::string shown = joined(traced({{'S', "* OK \x1b[2J\xff\x07" + std::string(50'000, 'x') + "\r\n"}}));
  EXPECT_NE(shown.find("S: * OK \\x1B[2J\\xFF\\x07xxx"), std::string::npos);
  EXPECT_LT(shown.size(), 3000U);
  EXPECT_NE(shown.find("octets)"), std::string::npos);
}

TEST(Trace, FindsTheLiteralBehindALongLine) {
  EXPECT_EQ(joined(traced({{'S', "* OK\r\n"},
                           {'S', "* 1 FETCH (X \"" + std::string(5000, 'x') + "\" BODY[] {6}\r\nsecret)\r\n"}}))
                .find("secret"),
            std::string::npos);
}

TEST(TraceStream, PassesEverythingOnAndNotesTheEnd) {
  std::vector<std::string> lines;
  auto written = std::make_shared<std::string>();
  {
    TraceStream stream(std::make_unique<MemoryStream>("* OK hello\r\n", 5, std::string::npos, written), "work",
                       [&](const std::string& line) { lines.push_back(line); });
    std::string buffer(100, '\0'), got;
    const auto deadline = Deadline::in(std::chrono::seconds(5));
    while (const std::size_t count = stream.read_some(buffer, deadline)) got.append(buffer, 0, count);
    EXPECT_EQ(got, "* OK hello\r\n");
    stream.write_all("M1 NOOP\r\n", deadline);
    EXPECT_EQ(*written, "M1 NOOP\r\n");
    stream.close();
  }
  ASSERT_EQ(lines.size(), 4U) << joined(lines);
  EXPECT_TRUE(lines[0].starts_with("work 0.0") && lines[0].ends_with(" *: connected to 127.0.0.1:143")) << lines[0];
  EXPECT_TRUE(lines[1].ends_with(" S: * OK hello"));
  EXPECT_TRUE(lines[2].ends_with(" *: the server closed the connection"));
  EXPECT_TRUE(lines[3].ends_with(" C: M1 NOOP"));
}

TEST(TraceStream, StaysAboveCompression) {
  std::vector<std::string> lines;
  std::unique_ptr<Stream> stream =
      std::make_unique<TraceStream>(std::make_unique<MemoryStream>("* OK hello\r\n"), "work",
                                    [&](const std::string& line) { lines.push_back(line); });
  stream = compressed(std::move(stream), "");
  stream->write_all("M1 NOOP\r\n", Deadline::in(std::chrono::seconds(5)));
  EXPECT_NE(dynamic_cast<TraceStream*>(stream.get()), nullptr);
  EXPECT_NE(joined(lines).find("compressed from here on"), std::string::npos);
}

}  // namespace
}  // namespace mailstead::net
