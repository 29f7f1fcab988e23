#include "mail/address.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>

namespace mailstead::mail {
namespace {

// "[name] <spec>" of each; groups as "name{" and "}"; routes in front of the spec.
std::string describe(const std::vector<Address>& list) {
  std::string text;
  for (const Address& address : list) {
    if (!text.empty()) text += " ";
    if (address.kind == Address::Kind::kGroupBegin) {
      text += address.local + "{";
    } else if (address.kind == Address::Kind::kGroupEnd) {
      text += "}";
    } else {
      if (!address.name.empty()) text += "[" + address.name + "]";
      text += address.route + "<" + address.addr_spec() + ">";
    }
  }
  return text;
}

struct Row {
  const char* value;
  const char* expected;
};

TEST(AddressParser, ReadsWhatPeopleAndProgramsWrite) {
  const Row rows[] = {
      {"", ""},
      {"  \r\n ", ""},
      {"a@b", "<a@b>"},
      {"a@b, c@d", "<a@b> <c@d>"},
      {",, a@b ,,c@d,", "<a@b> <c@d>"},
      {"Alice <a@b>", "[Alice]<a@b>"},
      {"Alice B. Carroll <a@b>", "[Alice B. Carroll]<a@b>"},
      {"\"Carroll, Alice\" <a@b>", "[Carroll, Alice]<a@b>"},
      {"\"a \\\"b\\\" \\\\\" <a@b>", "[a \"b\" \\]<a@b>"},
      {"\"Alice\"<a@b>", "[Alice]<a@b>"},
      {"a@b (Alice (B) \\) C)", "[Alice (B) ) C]<a@b>"},
      {"(x) Alice (y) <a@b> (z)", "[Alice]<a@b>"},
      {"<a@b> (z)", "[z]<a@b>"},
      {"a(c1)@(c2)b(c3)", "[c3]<a@b>"},
      {"john . doe @ example . org", "<john.doe@example.org>"},
      {"\"john doe\"@x", "<\"john doe\"@x>"},
      {"\"john\".doe@x", "<john.doe@x>"},
      {"\"\"@x", "<\"\"@x>"},
      {"<\"\">", ""},
      {"<\"\"@x>", "<\"\"@x>"},
      {"<>", ""},
      {"Nobody <>", "[Nobody]<\"\">"},
      {"<@a,@b:c@d>", "@a,@b<c@d>"},
      {"Name <@a:c@d>", "[Name]@a<c@d>"},
      {"a@[192.0.2.1]", "<a@[192.0.2.1]>"},
      {"a@[IPv6:2001:db8::1]", "<a@[IPv6:2001:db8::1]>"},
      {"friends: a@b, C <c@d>;", "friends{ <a@b> [C]<c@d> }"},
      {"undisclosed-recipients:;", "undisclosed-recipients{ }"},
      {"\"my group\": a@b; , x@y", "my group{ <a@b> } <x@y>"},
      {"g: a@b", "g{ <a@b> }"},
      {"g: h: a@b;, c@d", "g{ [h:]<a@b> } <c@d>"},
      {"a@b; c@d", "<a@b> <c@d>"},
      {"root", "<root>"},
      {"root (charlie)", "[charlie]<root>"},
      {"John Doe", "<\"John Doe\">"},
      {"<root>", "<root>"},
      {"alice@x <bob@y>", "[alice@x]<bob@y>"},
      {"John Doe john@x", "[John Doe]<john@x>"},
      {"a@b c@d", "<a@b>"},
      {"a@b@c, d@e", "<d@e>"},
      {"<a@b@c>, d@e", "<d@e>"},
      {"@, a@b", "<a@b>"},
      {"@x, a@b", "<a@b>"},
      {"a@, b@c", "<a> <b@c>"},
      {"<a@b", "<a@b>"},
      {"A <a@b, C <c@d>", "[A]<a@b> [C]<c@d>"},
      {"A <a@b> B <c@d>", "[A]<a@b> [B]<c@d>"},
      {"\"A <a@b>, c@d", "[\"A]<a@b> <c@d>"},
      {"A (b <a@b>, c@d", "[A (b]<a@b> <c@d>"},
      {"=?utf-8?Q?Doe,_J?= <j@x>", "[=?utf-8?Q?Doe,_J?=]<j@x>"},
      {"=?utf-8?Q?a?= =?utf-8?Q?b?= <j@x>", "[=?utf-8?Q?a?= =?utf-8?Q?b?=]<j@x>"},
      {"J\xC3\xB6rg <j\xC3\xB6rg@\xC3\xA4.example>", "[J\xC3\xB6rg]<j\xC3\xB6rg@\xC3\xA4.example>"},
      {"\xFF\xFE <a@b>", "[\xFF\xFE]<a@b>"},
      {"Alice\r\n <a@b>,\r\n\tBob <b@c>", "[Alice]<a@b> [Bob]<b@c>"},
      {"a@b.", "<a@b.>"},
      {".a@b", "<\".a\"@b>"},
      {"a..b@c", "<\"a..b\"@c>"},
      {"mailto:a@b", "mailto{ <a@b> }"},
      {")(][>;:,@", ""},
  };
  for (const Row& row : rows) EXPECT_EQ(describe(parse_addresses(row.value)), row.expected) << row.value;
}

TEST(AddressParser, BalancesGroupsOnAnyInput) {
  const char bytes[] = ":;,<>@\"()[]\\ a.\r\n";
  unsigned state = 1;
  for (int round = 0; round < 3'000; ++round) {
    std::string value;
    for (int i = 0; i < 12; ++i) {
      state = state * 1664525U + 1013904223U;
      value.push_back(bytes[(state >> 16U) % (sizeof bytes - 1)]);
    }
    int depth = 0;
    for (const Address& address : parse_addresses(value)) {
      depth += address.kind == Address::Kind::kGroupBegin ? 1 : address.kind == Address::Kind::kGroupEnd ? -1 : 0;
      ASSERT_TRUE(depth == 0 || depth == 1) << value;
    }
    ASSERT_EQ(depth, 0) << value;
  }
}

TEST(AddressParser, ReadsItsOwnWriting) {
  for (const Row& row : {Row{"Alice \"B\" <a@b>", ""}, Row{"\"C, D\" <\"x y\"@b>", ""}, Row{"g: a@b, c@d;, e@f", ""},
                         Row{"\xC3\xA4 <a@b>", ""}, Row{"x@y, g:;", ""}}) {
    auto list = parse_addresses(row.value);
    auto again = parse_addresses(format_addresses(list));
    ASSERT_EQ(again.size(), list.size()) << row.value;
    for (std::size_t i = 0; i < list.size(); ++i) {
      EXPECT_EQ(again[i].addr_spec(), list[i].addr_spec());
      EXPECT_EQ(decoded_name(again[i]), decoded_name(list[i]));
    }
  }
}

TEST(AddressParser, TakesHalfAMillionInTwoSeconds) {
  std::string plain, named, odd;
  for (int i = 0; i < 500'000; ++i) {
    plain += "user" + std::to_string(i) + "@example.org, ";
    odd += "local, ";
  }
  for (int i = 0; i < 100'000; ++i) named += "\"A B\" (comment) <@r:user@example.org>,\r\n ";
  auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(parse_addresses(plain).size(), 500'000U);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(30));  // 0.3 s when optimised
  EXPECT_EQ(parse_addresses(named).size(), 100'000U);
  ParseLimits limits;
  limits.addresses = 1000;
  EXPECT_EQ(parse_addresses(odd, limits).size(), 1000U);
}

TEST(AddressParser, StaysLinearOnHostileInput) {
  auto start = std::chrono::steady_clock::now();
  for (const char* piece : {"(", "\"", "[", "<", "=?", "=?a?Q?", ":", ";", "@", "(\\", "<@", "((a)", "a:", "\\"}) {
    std::string value;
    while (value.size() < 100'000) value += piece;
    (void)parse_addresses(value);
    (void)parse_addresses("x " + value + " <a@b>");
  }
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(60));
}

TEST(AddressParser, KeepsNestedCommentsWithinTheLimit) {
  std::string within = std::string(100, '(') + std::string(100, ')') + "a@b";
  EXPECT_EQ(parse_addresses(within).size(), 1U);
  std::string beyond = std::string(101, '(') + std::string(101, ')') + "a@b";
  EXPECT_FALSE(parse_addresses(beyond).at(0).name.empty());  // no comment, but words of a name
}

TEST(EnvelopeAddress, IsOneCleanMailbox) {
  for (const char* good : {"a@b", "<a@b>", "a.b+c@x.example", "\"a b\"@x", "\"\"@x", "a@[192.0.2.1]", "a@[IPv6:::1]",
                           "j\xC3\xB6rg@\xC3\xA4.example", "o'hara@x", "a@x_y.example"}) {
    EXPECT_TRUE(is_envelope_address(good)) << good;
  }
  for (const std::string& bad : {std::string(),
                                 std::string("a"),
                                 std::string("@b"),
                                 std::string("a@"),
                                 std::string("<>"),
                                 std::string("a b@c"),
                                 std::string("a@b c"),
                                 std::string("a@b\r\nRCPT TO:<x@y>"),
                                 std::string("a\0@b", 4),
                                 std::string("a@b>"),
                                 std::string("<a@b"),
                                 std::string("A <a@b>"),
                                 std::string("a@b,c@d"),
                                 std::string("a@b@c"),
                                 std::string("a..b@c"),
                                 std::string("a@b..c"),
                                 std::string("a@.b"),
                                 std::string("\"a@b"),
                                 std::string("\"a\"b\"@c"),
                                 std::string("\"a\\\"@c"),
                                 std::string("a@[1"),
                                 std::string("\xFF@b"),
                                 std::string("a@b;c"),
                                 std::string("a@[x] "),
                                 std::string(65, 'a') + "@b",
                                 "a@" + std::string(256, 'b'),
                                 std::string("a(c)@b")}) {
    EXPECT_FALSE(is_envelope_address(bad)) << bad;
  }
  EXPECT_TRUE(is_envelope_local_part("alice"));
  EXPECT_FALSE(is_envelope_local_part("alice bob"));
}

TEST(DecodedName, IsValidUtf8) {
  EXPECT_EQ(decoded_name(parse_addresses("=?iso-8859-1?Q?J=F6rg?= <a@b>").at(0)), "J\xC3\xB6rg");
  EXPECT_EQ(decoded_name(parse_addresses("J\xF6rg <a@b>").at(0)), "J\xC3\xB6rg");
}

}  // namespace
}  // namespace mailstead::mail
