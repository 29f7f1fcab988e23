#include <gtest/gtest.h>

#include <random>

#include "connectors/pop3/client/identity_order.h"
#include "connectors/pop3/client/refusal.h"
#include "connectors/pop3/client/server_memory.h"
#include "connectors/pop3/codec/apop.h"
#include "connectors/pop3/codec/capabilities.h"
#include "connectors/pop3/codec/command_line.h"
#include "connectors/pop3/codec/dot_decoder.h"
#include "connectors/pop3/codec/dot_encoder.h"
#include "connectors/pop3/codec/lf_dot_decoder.h"
#include "connectors/pop3/codec/listing.h"
#include "connectors/pop3/codec/number.h"
#include "connectors/pop3/codec/reply.h"

namespace mailstead::pop3 {
namespace {

struct Decoded {
  std::string body;
  std::size_t used = 0;
  bool done = false;
  bool operator==(const Decoded&) const = default;
};

Decoded decode_in_pieces(std::string_view input, const std::vector<std::size_t>& cuts) {
  DotDecoder decoder;
  Decoded result;
  std::size_t from = 0;
  auto feed = [&](std::size_t to) {
    std::size_t used = decoder.feed(input.substr(from, to - from), [&](std::string_view p) { result.body += p; });
    result.used += used;
    EXPECT_TRUE(used == to - from || decoder.done());
    from = to;
  };
  for (std::size_t cut : cuts) {
    if (!decoder.done()) feed(cut);
  }
  if (!decoder.done()) feed(input.size());
  result.done = decoder.done();
  return result;
}

struct BodyCase {
  const char* name;
  std::string_view wire;
  std::string_view body;
  std::string_view rest;  // behind the terminator
  bool done = true;
};
using namespace std::string_view_literals;
const BodyCase kBodies[] = {
    {"empty message", ".\r\n"sv, ""sv, ""sv},
    {"empty line", "\r\n.\r\n"sv, "\r\n"sv, ""sv},
    {"plain", "a\r\nb\r\n.\r\n+OK"sv, "a\r\nb\r\n"sv, "+OK"sv},
    {"stuffed first line", "..a\r\n.\r\n"sv, ".a\r\n"sv, ""sv},
    {"stuffed dot alone", "..\r\n.\r\n"sv, ".\r\n"sv, ""sv},
    {"stuffed dots", "x\r\n...\r\n..\r\n.\r\n"sv, "x\r\n..\r\n.\r\n"sv, ""sv},
    {"text runs into the terminator", "text.\r\n.\r\n"sv, "text.\r\n"sv, ""sv},
    {"bare LF begins no line", "a\n.\r\nb\n.\n..c\r\n.\r\n"sv, "a\n.\r\nb\n.\n..c\r\n"sv, ""sv},
    {"bare CR begins no line", "a\r.\r\nb\r\r.c\r\n.\r\n"sv, "a\r.\r\nb\r\r.c\r\n"sv, ""sv},
    {"CR CR LF ends a line", "a\r\r\n.\r\n"sv, "a\r\r\n"sv, ""sv},
    {"dot, CR, something", ".\rx\r\n.\r\n"sv, "\rx\r\n"sv, ""sv},
    {"dot, CR, CR, LF", ".\r\r\n.\r\n"sv, "\r\r\n"sv, ""sv},
    {"dot, LF", ".\nx\r\n.\r\n"sv, "\nx\r\n"sv, ""sv},
    {"NUL and high octets", "\0\xff\r\n.\r\n"sv, "\0\xff\r\n"sv, ""sv},
    {"truncated in a line", "a\r\nb"sv, "a\r\nb"sv, ""sv, false},
    {"truncated in the terminator", "a\r\n.\r"sv, "a\r\n"sv, ""sv, false},
    {"truncated before the terminator", "a\r\n"sv, "a\r\n"sv, ""sv, false},
};

TEST(Pop3DotDecoder, GivesTheSameBodyWholeByteByByteAndAtEverySplit) {
  for (const auto& row : kBodies) {
    SCOPED_TRACE(row.name);
    const Decoded wanted{std::string(row.body), row.wire.size() - row.rest.size(), row.done};
    EXPECT_EQ(decode_in_pieces(row.wire, {}), wanted);
    std::vector<std::size_t> every;
    for (std::size_t i = 1; i < row.wire.size(); ++i) every.push_back(i);
    EXPECT_EQ(decode_in_pieces(row.wire, every), wanted);
    for (std::size_t a = 0; a <= row.wire.size(); ++a) {
      for (std::size_t b = a; b <= row.wire.size(); ++b)
        EXPECT_EQ(decode_in_pieces(row.wire, {a, b}), wanted) << a << "," << b;
    }
  }
}

std::string encode_in_pieces(std::string_view message, std::size_t piece) {
  DotEncoder encoder;
  std::string wire;
  for (std::size_t at = 0; at < message.size(); at += piece) encoder.encode(message.substr(at, piece), wire);
  encoder.finish(wire);
  return wire;
}

TEST(Pop3DotEncoder, StuffsDotsAndEndsTheMessage) {
  const struct {
    const char* name;
    std::string_view message, wire;
  } rows[] = {
      {"empty", ""sv, ".\r\n"sv},
      {"canonical", "a\r\n"sv, "a\r\n.\r\n"sv},
      {"dot lines", ".\r\n..a\r\n"sv, "..\r\n...a\r\n.\r\n"sv},
      {"no final line end", "a\r\nb"sv, "a\r\nb\r\n.\r\n"sv},
      {"final bare LF", "a\n"sv, "a\n\r\n.\r\n"sv},
      {"final CR", "a\r"sv, "a\r\r\n.\r\n"sv},
      {"only LF", "\n"sv, "\n\r\n.\r\n"sv},
      {"lone dot behind a bare LF cannot end it", "a\n.\nb\r\n"sv, "a\n..\nb\r\n.\r\n"sv},
  };
  for (const auto& row : rows) {
    for (std::size_t piece = 1; piece <= row.message.size() + 1; ++piece) {
      EXPECT_EQ(encode_in_pieces(row.message, piece), row.wire) << row.name << " by " << piece;
    }
  }
}

TEST(Pop3DotEncoder, RoundsTripForEveryCanonicalMessage) {
  std::mt19937 random(7);  // NOLINT: the same messages each time
  const char* const parts[] = {".", "..", "\r\n", "a", ".\r\n", "\r\n.", "bc\r\n", "\r"};
  for (int i = 0; i < 2000; ++i) {
    std::string message;
    for (int n = static_cast<int>(random() % 12); n > 0; --n) message += parts[random() % std::size(parts)];
    message += "\r\n";
    std::string wire = encode_in_pieces(message, 1 + random() % 5);
    Decoded back = decode_in_pieces(wire + "+OK next", {random() % wire.size()});
    ASSERT_EQ(back, (Decoded{message, wire.size(), true})) << i;
  }
}

TEST(Pop3DotDecoder, FindsDotLinesWhereverABlockEnds) {
  for (std::size_t length = 0; length < 200; ++length) {
    const std::string line(length, 'x');
    const std::string wire = "a\n.b" + line + "\r\n.." + line + "\r\n.\r\n";
    const std::string body = "a\n.b" + line + "\r\n." + line + "\r\n";
    for (std::size_t cut = 0; cut <= wire.size(); ++cut) {
      ASSERT_EQ(decode_in_pieces(wire, {cut}), (Decoded{body, wire.size(), true})) << length << "," << cut;
    }
  }
}

TEST(Pop3LfDotDecoder, TurnsLineFeedsIntoLineEnds) {
  const struct {
    std::string_view wire, body;
    bool done = true;
  } rows[] = {
      {".\n"sv, ""sv},
      {"\n.\n"sv, "\r\n"sv},
      {"a\n..b\n.c\n.\n"sv, "a\r\n.b\r\nc\r\n"sv},
      {"a\r\nb\r.\n.\r\n"sv, "a\r\nb\r.\r\n"sv},
      {".\rx\n.\n"sv, "\rx\r\n"sv},
      {"a\0\xff\n.\n"sv, "a\0\xff\r\n"sv},
      {"a\n.\r"sv, "a\r\n"sv, false},
  };
  for (const auto& row : rows) {
    for (std::size_t piece = 1; piece <= row.wire.size(); ++piece) {
      LfDotDecoder decoder;
      std::string body;
      std::size_t used = 0;
      while (used < row.wire.size() && !decoder.done()) {
        used += decoder.feed(row.wire.substr(used, piece), [&](std::string_view part) { body += part; });
      }
      EXPECT_EQ(body, row.body) << piece;
      EXPECT_EQ(decoder.done(), row.done);
      EXPECT_EQ(used, row.wire.size());
    }
  }
}

TEST(Pop3Reply, TellsAnswersFromNoise) {
  EXPECT_TRUE(parse_reply("+OK")->ok());
  EXPECT_TRUE(parse_reply("+ok dovecot ready")->ok());
  EXPECT_EQ(parse_reply("-ERR  [IN-USE] busy ")->text, "busy");
  EXPECT_EQ(parse_reply("-ERR [IN-USE] busy")->code, "IN-USE");
  EXPECT_TRUE(parse_reply("-err [sys/TEMP] x")->has_code("SYS/TEMP"));
  EXPECT_TRUE(parse_reply("-ERR [SYS/TEMP] x")->has_code("SYS"));
  EXPECT_FALSE(parse_reply("-ERR [SYSTEM] x")->has_code("SYS"));
  EXPECT_EQ(parse_reply("-ERR [no code] x")->code, "");
  EXPECT_EQ(parse_reply("-ERR [unclosed")->code, "");
  EXPECT_EQ(parse_reply("+OK, hello")->text, "hello");
  EXPECT_EQ(parse_reply("-ERR:[IN-USE] x")->code, "IN-USE");
  EXPECT_EQ(parse_reply("+ YWJj")->kind, ReplyKind::kContinuation);
  EXPECT_EQ(parse_reply("+ YWJj")->text, "YWJj");
  EXPECT_EQ(parse_reply("+")->kind, ReplyKind::kContinuation);
  for (std::string_view noise : {"", "+OKAY", "+O", "-ERROR", "* OK", "250 hello", "+x", " +OK", "HTTP/1.1 200"}) {
    EXPECT_FALSE(parse_reply(noise)) << noise;
  }
}

TEST(Pop3Number, RefusesWhatIsNone) {
  EXPECT_EQ(parse_number("0"), 0U);
  EXPECT_EQ(parse_number("18446744073709551615"), 18446744073709551615ULL);
  for (std::string_view bad : {"", "-1", "+1", " 1", "1 ", "0x1", "18446744073709551616", "1.5", "9e9"}) {
    EXPECT_FALSE(parse_number(bad)) << bad;
  }
  EXPECT_EQ(parse_message_number("2147483647"), 2147483647U);
  EXPECT_FALSE(parse_message_number("0"));
  EXPECT_FALSE(parse_message_number("2147483648"));
}

TEST(Pop3Listing, KeepsOddUidlsApartAndWhole) {
  for (std::size_t length : {0U, 1U, 70U, 71U, 128U, 1024U}) {
    std::string uidl(length, 'u');
    const std::string text = "7 " + uidl;
    auto line = parse_uidl_line(text);
    ASSERT_TRUE(line) << length;
    EXPECT_EQ(line->number, 7U);
    EXPECT_EQ(line->uidl.size(), length);
    EXPECT_EQ(is_usable_uidl(line->uidl), length > 0);
  }
  EXPECT_EQ(parse_uidl_line("7")->uidl, "");
  EXPECT_EQ(parse_uidl_line("7   a b  ")->uidl, "a b");
  EXPECT_FALSE(parse_uidl_line("x y"));
  EXPECT_FALSE(parse_uidl_line("-1 a"));
  EXPECT_FALSE(parse_uidl_line("0 a"));
  EXPECT_FALSE(parse_uidl_line("2147483648 a"));
  EXPECT_FALSE(is_usable_uidl("a\x01"));
  EXPECT_FALSE(is_usable_uidl("a\0"sv));
  EXPECT_TRUE(is_usable_uidl("\xc3\xa4"));
  EXPECT_EQ(parse_list_line("3 120")->size, 120U);
  EXPECT_FALSE(parse_list_line("3 -1")->size);
  EXPECT_FALSE(parse_list_line("3 18446744073709551616")->size);
  EXPECT_FALSE(parse_list_line("3")->size);
}

TEST(Pop3Capabilities, CollectsWhatMatters) {
  Capabilities capabilities;
  for (std::string_view line :
       {"TOP", "uidl", "PIPELINING", "SASL PLAIN  scram-sha-256 PLAIN", "STLS", "X-ODD \x1b[2J"}) {
    capabilities.add(line);
  }
  EXPECT_TRUE(capabilities.top && capabilities.uidl && capabilities.pipelining && capabilities.stls);
  EXPECT_FALSE(capabilities.user);
  EXPECT_EQ(capabilities.mechanisms, (std::vector<std::string>{"PLAIN", "SCRAM-SHA-256"}));
  EXPECT_EQ(capabilities.lines.back().find('\x1b'), std::string::npos);
  for (int i = 0; i < 1000; ++i) capabilities.add("X" + std::to_string(i));
  EXPECT_LE(capabilities.lines.size(), 200U);
}

TEST(Pop3Apop, TakesOnlyMessageIdsAsChallenge) {
  // RFC 1939 §7, the example.
  EXPECT_EQ(apop_challenge("POP3 server ready <1896.697170952@dbc.mtview.ca.us>"), "<1896.697170952@dbc.mtview.ca.us>");
  EXPECT_EQ(apop_digest("<1896.697170952@dbc.mtview.ca.us>", "tanstaaf"), "c4c9334bac560ecc979e58001b3e22fb");
  for (std::string_view bad :
       {"none", "<>", "<a>", "<@b>", "<a@>", "<a@b@c>", "<a b@c>", "<a\x80@b>", "<a@b", "<a@b\x01>"}) {
    EXPECT_FALSE(apop_challenge(bad)) << bad;
  }
}

TEST(Pop3CommandLine, SplitsLinesAtEveryLength) {
  const std::string input = "USER a b\r\nnoop\nQUIT";
  for (std::size_t length = 0; length <= input.size(); ++length) {
    TakenLine taken = take_line(std::string_view(input).substr(0, length), 512);
    if (length < 10) {
      EXPECT_EQ(taken.state, TakenLine::State::kIncomplete);
    } else {
      EXPECT_EQ(taken.line, "USER a b");
      EXPECT_EQ(taken.consumed, 10U);
    }
  }
  EXPECT_EQ(take_line("noop\nx", 512).line, "noop");
  EXPECT_EQ(take_line(std::string(512, 'a'), 512).state, TakenLine::State::kTooLong);
  EXPECT_EQ(take_line(std::string(511, 'a'), 512).state, TakenLine::State::kIncomplete);
  CommandLine command = parse_command("pAsS  two words ");
  EXPECT_EQ(command.verb, "PASS");
  EXPECT_EQ(command.argument, " two words ");
  EXPECT_EQ(parse_command(std::string(17, 'A')).verb, "");
  EXPECT_EQ(parse_command("").verb, "");
}

TEST(Pop3Capabilities, BelievesNoAbsurdNumbers) {
  using std::chrono::seconds;
  const struct {
    std::string_view line;
    seconds delay;
    std::optional<std::uint32_t> days;
  } rows[] = {
      {"LOGIN-DELAY 900", seconds(900), {}}, {"login-delay 900 USER", seconds(900), {}},
      {"LOGIN-DELAY -1", seconds(0), {}},    {"LOGIN-DELAY 18446744073709551615", kLongestLoginDelay, {}},
      {"LOGIN-DELAY", seconds(0), {}},       {"EXPIRE 0", seconds(0), 0},
      {"EXPIRE 60 USER", seconds(0), 60},    {"EXPIRE NEVER", seconds(0), {}},
      {"EXPIRE 4294967296", seconds(0), {}},
  };
  for (const auto& row : rows) {
    Capabilities capabilities;
    capabilities.add(row.line);
    EXPECT_EQ(capabilities.login_delay, row.delay) << row.line;
    EXPECT_EQ(capabilities.expire_days, row.days) << row.line;
  }
}

TEST(Pop3Refusal, FindsTheWaitInWords) {
  using std::chrono::seconds;
  EXPECT_EQ(wait_in_words("please wait 5 minutes between checks"), seconds(300));
  EXPECT_EQ(wait_in_words("Try in 900 seconds"), seconds(900));
  EXPECT_EQ(wait_in_words("1 hour"), seconds(3600));
  EXPECT_EQ(wait_in_words("99999999999999999999 minutes, or 7 sec"), seconds(7));
  EXPECT_EQ(wait_in_words("1000000000000 hours"), kLongestLoginDelay);
  for (std::string_view none : {"", "later", "5 apples", "minutes 5"}) EXPECT_FALSE(wait_in_words(none)) << none;
}

TEST(Pop3IdentityOrder, SortsWhateverTheServerLists) {
  std::mt19937 random(5);  // NOLINT: the same names each time
  for (int round = 0; round < 300; ++round) {
    std::vector<std::string> names;
    for (auto n = random() % 30; n > 0; --n) {
      std::string name(random() % 12, 'p');
      for (auto m = random() % 10; m > 0; --m) name += static_cast<char>(random() % 256);
      names.push_back(name);
    }
    std::vector<ListedMessage> messages(names.size());
    for (std::size_t i = 0; i < names.size(); ++i) messages[i].identity = names[i];
    std::vector<std::string> sorted;
    for (std::uint32_t index : order_by_identity(messages)) sorted.push_back(names[index]);
    std::erase(names, "");
    std::sort(names.begin(), names.end());
    ASSERT_EQ(sorted, names);
  }
}

TEST(Pop3ServerMemory, SurvivesARoundTripAndNoise) {
  const mail::WallTime now(std::chrono::seconds(1'700'000'000));
  ServerMemory memory;
  EXPECT_EQ(memory.encode(), "");
  memory.capa_failures = 2;
  memory.pipelining.fail(now);
  memory.login_pipeline.fail(now, 2);
  memory.told_expiry = 0;
  memory.messages = 7;
  for (std::string_view line : {"SASL PLAIN X,Y LOGIN", "PIPELINING", "LOGIN-DELAY 60", "EXPIRE 30", "UTF8 USER"}) {
    memory.capabilities.add(line);
  }
  memory.capabilities.known = true;
  memory.asked = now;
  ServerMemory back = ServerMemory::decode(memory.encode());
  EXPECT_EQ(back.encode(), memory.encode());
  EXPECT_FALSE(back.asks_capabilities());
  EXPECT_FALSE(back.pipelining.given_up(now));
  EXPECT_TRUE(back.login_pipeline.given_up(now));
  EXPECT_FALSE(back.login_pipeline.given_up(now + std::chrono::hours(24 * 31)));
  EXPECT_TRUE(back.is_fresh(now + std::chrono::hours(1)));
  EXPECT_FALSE(back.is_fresh(now + std::chrono::hours(24 * 8)));
  EXPECT_EQ(back.capabilities.mechanisms, (std::vector<std::string>{"PLAIN", "LOGIN"}));
  EXPECT_EQ(back.capabilities.login_delay, std::chrono::seconds(60));
  EXPECT_TRUE(back.capabilities.pipelining && back.capabilities.utf8);
  EXPECT_TRUE(ServerMemory::decode("x capa-failures=-1 \xff = messages").asks_capabilities());
  EXPECT_EQ(ServerMemory::decode("capa-failures=99999999999").capa_failures, 2U);
}

TEST(Pop3ServerMemory, BelongsToOneServer) {
  net::Endpoint endpoint;
  endpoint.host = "pop.example.org";
  endpoint.port = 995;
  ServerMemory memory = ServerMemory::decode("capa-failures=1");
  memory.belong_to(endpoint);
  EXPECT_EQ(memory.capa_failures, 1U);
  memory = ServerMemory::decode(memory.encode());
  memory.belong_to(endpoint);
  EXPECT_EQ(memory.capa_failures, 1U);
  endpoint.tls = net::TlsMode::kStartTls;
  memory.belong_to(endpoint);
  EXPECT_EQ(memory.capa_failures, 0U);
}

}  // namespace
}  // namespace mailstead::pop3
