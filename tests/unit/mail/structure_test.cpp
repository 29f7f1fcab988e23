#include "mail/structure.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "mail/header.h"

namespace mailstead::mail {
namespace {

// "type/subtype{body}" for a leaf, "(…)" around the parts of a multipart, "<…>" around a message inside.
std::string describe(const Part& part, const std::string& message) {
  std::string text = part.type + "/" + part.subtype;
  if (part.children.empty()) return text + "{" + message.substr(part.body_offset, part.body_size) + "}";
  text += part.is_message() ? "<" : "(";
  for (const Part& child : part.children) {
    if (&child != &part.children.front()) text += " ";
    text += describe(child, message);
  }
  return text + (part.is_message() ? ">" : ")");
}

// Offsets lie inside the message and inside the enclosing part, in order; lines are what the header of the file says.
void check_offsets(const Part& part, const std::string& message) {
  ASSERT_LE(part.header_offset, part.body_offset);
  ASSERT_LE(part.body_offset + part.body_size, message.size());
  std::string body = message.substr(part.body_offset, part.body_size);
  auto lines = static_cast<std::uint64_t>(std::count(body.begin(), body.end(), '\n'));
  if (!body.empty() && body.back() != '\n') ++lines;
  EXPECT_EQ(part.lines, lines) << part.type << "/" << part.subtype;
  ByteCount at = part.body_offset;
  for (const Part& child : part.children) {
    EXPECT_GE(child.header_offset, at);
    EXPECT_LE(child.body_offset + child.body_size, part.body_offset + part.body_size);
    at = child.body_offset + child.body_size;
    check_offsets(child, message);
  }
}

Part parse_in_two(const std::string& message, std::size_t split, const ParseLimits& limits) {
  StructureParser parser(limits);
  parser.feed(std::string_view(message).substr(0, split));
  parser.feed(std::string_view(message).substr(split));
  return parser.finish();
}

// Whole, byte by byte, at every split: the same. Returns it.
Part parse_every_way(const std::string& message, const ParseLimits& limits = {}) {
  Part whole = parse_structure(message, limits);
  StructureParser bytewise(limits);
  for (char c : message) bytewise.feed(std::string_view(&c, 1));
  EXPECT_EQ(bytewise.finish(), whole) << message;
  for (std::size_t split = 0; split <= message.size(); ++split) {
    EXPECT_EQ(parse_in_two(message, split, limits), whole) << "split at " << split << " of " << message;
  }
  check_offsets(whole, message);
  auto decoded = decode_structure(encode_structure(whole));
  EXPECT_TRUE(decoded.has_value());
  if (decoded) {
    EXPECT_EQ(*decoded, whole);
  }
  return whole;
}

std::string with_bare_lf(std::string message) {
  std::erase(message, '\r');
  return message;
}

struct Row {
  const char* name;
  std::string message;
  std::string expected;  // with CRLF; the same message with bare LF must give the same without CR
};

const std::string kMixed = "Content-Type: multipart/mixed; boundary=b\r\n\r\n";

const Row kRows[] = {
    {"empty message", "", "text/plain{}"},
    {"only the blank line", "\r\n", "text/plain{}"},
    {"body only", "\r\nhello\r\n", "text/plain{hello\r\n}"},
    {"no header, body at once", "hello world\r\nX: y\r\n", "text/plain{hello world\r\nX: y\r\n}"},
    {"header only, unfinished", "Subject: x", "text/plain{}"},
    {"header ends without blank line", "Subject: x\r\nthis is text\r\n", "text/plain{this is text\r\n}"},
    {"folded type", "Content-Type:\r\n text/html;\r\n\tcharset=x\r\n\r\n<p>", "text/html{<p>}"},
    {"mbox From line", "From a@b Mon\r\nContent-Type: text/html\r\n\r\nx", "text/html{x}"},
    {"two parts", kMixed + "--b\r\n\r\none\r\n--b\r\nContent-Type: text/html\r\n\r\ntwo\r\n--b--\r\n",
     "multipart/mixed(text/plain{one} text/html{two})"},
    {"preamble and epilogue", kMixed + "pre\r\n--b\r\n\r\none\r\n--b--\r\nepilogue\r\n--b\r\n\r\nno part\r\n",
     "multipart/mixed(text/plain{one})"},
    {"blank line at the end of a part", kMixed + "--b\r\n\r\none\r\n\r\n--b--", "multipart/mixed(text/plain{one\r\n})"},
    {"part with empty body", kMixed + "--b\r\n\r\n\r\n--b--", "multipart/mixed(text/plain{})"},
    {"part that ends with its header", kMixed + "--b\r\nContent-Type: text/html\r\n\r\n--b--\r\n",
     "multipart/mixed(text/html{})"},
    {"part cut off in its header", kMixed + "--b\r\nContent-Type: text/html\r\n--b\r\n\r\nx\r\n--b--\r\n",
     "multipart/mixed(text/html{} text/plain{x})"},
    {"delimiter on delimiter", kMixed + "--b\r\n--b\r\n--b--\r\n", "multipart/mixed(text/plain{} text/plain{})"},
    {"closing delimiter missing", kMixed + "--b\r\n\r\none\r\n--b\r\n\r\ntwo\r\n",
     "multipart/mixed(text/plain{one} text/plain{two\r\n})"},
    {"closing delimiter without line end", kMixed + "--b\r\n\r\none\r\n--b--", "multipart/mixed(text/plain{one})"},
    {"blanks behind the delimiter", kMixed + "--b \t\r\n\r\none\r\n--b--  \r\n", "multipart/mixed(text/plain{one})"},
    {"not quite delimiters", kMixed + "--b\r\n\r\n--bb\r\n-b\r\n --b\r\n--\r\n--b-\r\n--b--x\r\n--b--",
     "multipart/mixed(text/plain{--bb\r\n-b\r\n --b\r\n--\r\n--b-\r\n--b--x})"},
    {"delimiter in the middle of a line", kMixed + "--b\r\n\r\nx --b\r\n--b--", "multipart/mixed(text/plain{x --b})"},
    {"nested",
     kMixed + "--b\r\nContent-Type: multipart/alternative; boundary=\"c d\"\r\n\r\n--c d\r\n\r\n1\r\n--c d\r\n\r\n2\r\n"
              "--c d--\r\n--b\r\n\r\n3\r\n--b--",
     "multipart/mixed(multipart/alternative(text/plain{1} text/plain{2}) text/plain{3})"},
    {"outer delimiter ends the inner multipart",
     kMixed + "--b\r\nContent-Type: multipart/related; boundary=c\r\n\r\n--c\r\n\r\n1\r\n--b\r\n\r\n2\r\n--c\r\n--b--",
     "multipart/mixed(multipart/related(text/plain{1}) text/plain{2\r\n--c})"},
    {"inner boundary begins with the outer",
     kMixed + "--b\r\nContent-Type: multipart/related; boundary=bb\r\n\r\n--bb\r\n\r\n1\r\n--bb--\r\n--b--",
     "multipart/mixed(multipart/related(text/plain{1}))"},
    {"outer boundary begins with the inner",
     "Content-Type: multipart/mixed; boundary=bb\r\n\r\n--bb\r\nContent-Type: multipart/related; boundary=b\r\n\r\n"
     "--b\r\n\r\n1\r\n--bb\r\n\r\n2\r\n--bb--",
     "multipart/mixed(multipart/related(text/plain{1}) text/plain{2})"},
    {"one boundary for both levels",
     kMixed +
         "--b\r\nContent-Type: multipart/related; boundary=b\r\n\r\n--b\r\n\r\n1\r\n--b--\r\n--b\r\n\r\n2\r\n--b--",
     "multipart/mixed(multipart/related(text/plain{1}) text/plain{2})"},
    {"boundary that looks like a closing one",
     "Content-Type: multipart/mixed; boundary=\"b--\"\r\n\r\n--b--\r\n\r\n1\r\n--b----\r\n",
     "multipart/mixed(text/plain{1})"},
    {"quoted boundary with escapes",
     "Content-Type: multipart/mixed; boundary=\"a\\\"b\"\r\n\r\n--a\"b\r\n\r\n1\r\n--a\"b--",
     "multipart/mixed(text/plain{1})"},
    {"boundary in RFC 2231 sections",
     "Content-Type: multipart/mixed; boundary*0=a; boundary*1=b\r\n\r\n--ab\r\n\r\n1\r\n--ab--",
     "multipart/mixed(text/plain{1})"},
    {"multipart without boundary", "Content-Type: multipart/mixed\r\n\r\n--\r\n\r\nx", "multipart/mixed{--\r\n\r\nx}"},
    {"multipart without parts", kMixed + "no part\r\n", "multipart/mixed{no part\r\n}"},
    {"multipart that closes at once", kMixed + "--b--\r\n", "multipart/mixed{--b--\r\n}"},
    {"message inside", "Content-Type: message/rfc822\r\n\r\nSubject: in\r\nContent-Type: text/html\r\n\r\nx\r\n",
     "message/rfc822<text/html{x\r\n}>"},
    {"message with multipart inside a multipart",
     kMixed +
         "--b\r\nContent-Type: message/rfc822\r\n\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n\r\n1\r\n"
         "--c--\r\n--b\r\n\r\n2\r\n--b--",
     "multipart/mixed(message/rfc822<multipart/mixed(text/plain{1})> text/plain{2})"},
    {"message cut off in its header",
     kMixed + "--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: in\r\n--b\r\n\r\n2\r\n--b--",
     "multipart/mixed(message/rfc822<text/plain{}> text/plain{2})"},
    {"header of the message inside ended by text",
     kMixed + "--b\r\nContent-Type: message/rfc822\r\nno header line\r\n--b\r\n\r\n2\r\n--b--",
     "multipart/mixed(message/rfc822<text/plain{no header line}> text/plain{2})"},
    {"message in base64 is not looked into",
     "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\nU3ViamVjdDogeA==",
     "message/rfc822{U3ViamVjdDogeA==}"},
    {"digest",
     "Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\n\r\nSubject: 1\r\n\r\none\r\n--b\r\n"
     "Content-Type: text/plain\r\n\r\ntwo\r\n--b--",
     "multipart/digest(message/rfc822<text/plain{one}> text/plain{two})"},
    {"type with comment, blanks and case", "Content-Type: (a) TEXT / (b) HTML ; charset=x\r\n\r\n", "text/html{}"},
    {"broken type", "Content-Type: nonsense\r\n\r\nx", "text/plain{x}"},
    {"separator behind the type forgotten", "Content-Type: multipart/mixed boundary=b\r\n\r\n--b\r\n\r\n1\r\n--b--",
     "multipart/mixed(text/plain{1})"},
    {"delimiter in the header of the root", "X: y\r\n--b\r\n\r\n1", "text/plain{--b\r\n\r\n1}"},
};

TEST(StructureParser, FindsPartsByOffsetsHoweverTheBytesCome) {
  for (const Row& row : kRows) {
    SCOPED_TRACE(row.name);
    EXPECT_EQ(describe(parse_every_way(row.message), row.message), row.expected);
    std::string bare = with_bare_lf(row.message);
    EXPECT_EQ(describe(parse_every_way(bare), bare), with_bare_lf(row.expected));
  }
}

TEST(StructureParser, TellsWhatTheHeaderSays) {
  Part part = parse_every_way(
      "From: a@x\r\nFrom: b@x\r\nSubject: =?utf-8?Q?a?=\r\n b\r\nMessage-ID: <1@x>\r\n"
      "Content-Type: APPLICATION/Pdf; Name=\"a \\\"b\\\".pdf\"; x=y (comment)\r\n"
      "Content-Disposition: Attachment;\r\n filename*=utf-8''%C3%A4.pdf\r\n"
      "Content-Transfer-Encoding: BASE64\r\nContent-ID: <c>\r\nContent-Description: d e\r\nContent-MD5: m\r\n"
      "Content-Language: en\r\nContent-Location: http://x/\r\n\r\n");
  EXPECT_EQ(part.type, "application");
  EXPECT_EQ(part.subtype, "pdf");
  using Pairs = std::vector<std::pair<std::string, std::string>>;
  EXPECT_EQ(part.parameters, (Pairs{{"name", "a \"b\".pdf"}, {"x", "y"}}));
  EXPECT_EQ(part.disposition, "attachment");
  EXPECT_EQ(part.disposition_parameters, (Pairs{{"filename*", "utf-8''%C3%A4.pdf"}}));
  EXPECT_EQ(file_name(part), "\xC3\xA4.pdf");
  EXPECT_EQ(part.encoding, "base64");
  EXPECT_EQ(part.id, "<c>");
  EXPECT_EQ(part.description, "d e");
  EXPECT_EQ(part.md5, "m");
  EXPECT_EQ(part.language, "en");
  EXPECT_EQ(part.location, "http://x/");
  ASSERT_TRUE(part.envelope.has_value());
  EXPECT_EQ(part.envelope->from, "a@x, b@x");
  EXPECT_EQ(part.envelope->subject, "=?utf-8?Q?a?= b");
  EXPECT_EQ(part.envelope->message_id, "<1@x>");
}

TEST(StructureParser, GivesEnvelopesToMessagesOnly) {
  Part root = parse_every_way(kMixed + "--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: in\r\n\r\nx\r\n--b--");
  ASSERT_TRUE(root.envelope.has_value());
  ASSERT_EQ(root.children.size(), 1U);
  EXPECT_FALSE(root.children[0].envelope.has_value());
  ASSERT_TRUE(root.children[0].is_message());
  ASSERT_TRUE(root.children[0].children[0].envelope.has_value());
  EXPECT_EQ(root.children[0].children[0].envelope->subject, "in");
}

std::string nested(std::size_t depth) {
  std::string message;
  for (std::size_t i = 0; i < depth; ++i) {
    std::string boundary = "b" + std::to_string(i);
    message += "Content-Type: multipart/mixed; boundary=" + boundary + "\r\n\r\n--" + boundary + "\r\n";
  }
  return message + "\r\nx";
}

std::size_t depth_of(const Part& part) {
  std::size_t depth = 0;
  const Part* at = &part;
  for (; !at->children.empty(); at = &at->children.front()) ++depth;
  return depth + 1;
}

TEST(StructureParser, DoesNotDescendBelowTheDepthLimit) {
  ParseLimits limits;
  limits.mime_depth = 5;
  for (std::size_t depth : {3U, 4U, 5U, 6U, 20U}) {
    std::string message = nested(depth);
    EXPECT_EQ(depth_of(parse_every_way(message, limits)), std::min<std::size_t>(depth, 5) + 1);
  }
  std::string messages;
  for (int i = 0; i < 50'000; ++i) messages += "Content-Type: message/rfc822\r\n\r\n";
  EXPECT_EQ(depth_of(parse_structure(messages)), ParseLimits().mime_depth + 1);
  EXPECT_EQ(depth_of(parse_structure(nested(20'000))), ParseLimits().mime_depth + 1);
}

TEST(StructureParser, StopsAtThePartLimit) {
  ParseLimits limits;
  limits.mime_parts = 4;
  std::string message = kMixed;
  for (int i = 0; i < 6; ++i) message += "--b\r\n\r\n" + std::to_string(i) + "\r\n";
  Part root = parse_every_way(message + "--b--", limits);
  EXPECT_EQ(root.children.size(), 3U);
  std::string bomb = kMixed;
  for (int i = 0; i < 200'000; ++i) bomb += "--b\r\n";
  EXPECT_EQ(parse_structure(bomb).children.size(), ParseLimits().mime_parts - 1);
}

TEST(StructureParser, TakesNoBoundaryBeyondTheLimit) {
  ParseLimits limits;
  limits.boundary_length = 10;
  auto message = [](std::size_t length) {
    std::string boundary(length, 'x');
    return "Content-Type: multipart/mixed; boundary=" + boundary + "\r\n\r\n--" + boundary + "\r\n\r\n1\r\n";
  };
  EXPECT_EQ(parse_every_way(message(10), limits).children.size(), 1U);
  EXPECT_TRUE(parse_every_way(message(11), limits).children.empty());
}

TEST(StructureParser, TakesNoDelimiterWithEndlessBlanks) {
  for (std::size_t blanks : {10U, 200U, 2400U}) {
    std::string message = kMixed + "--b\r\n\r\n1\r\n--b" + std::string(blanks, ' ') + "\r\n\r\n2";
    EXPECT_EQ(parse_structure(message).children.size(), blanks < 2300 ? 2U : 1U);
    for (std::size_t split = 0; split < message.size(); split += 7) {
      EXPECT_EQ(parse_in_two(message, split, {}), parse_structure(message));
    }
  }
}

TEST(StructureParser, CutsHeadersAtTheirLimits) {
  ParseLimits limits;
  limits.header_bytes = 60;
  std::string message =
      "Subject: x\r\nContent-Type: text/html\r\nX-Long: " + std::string(50, 'y') + "\r\n folded\r\n\r\nbody";
  Part part = parse_every_way(message, limits);
  EXPECT_EQ(part.subtype, "html");
  EXPECT_EQ(part.body_offset, message.find("X-Long"));
  limits = {};
  limits.header_fields = 1;
  part = parse_every_way(message, limits);
  EXPECT_EQ(part.body_offset, message.find("Content-Type"));
  limits = {};
  limits.all_header_bytes = kMixed.size() + 10;
  part = parse_every_way(kMixed + "--b\r\nX: 1\r\n\r\n1\r\n--b\r\nX: 2\r\n\r\n2\r\n--b--", limits);
  ASSERT_EQ(part.children.size(), 2U);
  EXPECT_EQ(part.children[0].body_offset - part.children[0].header_offset, 8U);
  EXPECT_EQ(part.children[1].body_offset - part.children[1].header_offset, 0U);
}

TEST(StructureParser, FindsThePartThatSectionNumbersName) {
  std::string message =
      kMixed +
      "--b\r\n\r\n1\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: s\r\n\r\n2\r\n--b\r\n"
      "Content-Type: message/rfc822\r\n\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n\r\n31\r\n--c\r\n"
      "Content-Type: multipart/mixed; boundary=d\r\n\r\n--d\r\n\r\n321\r\n--d--\r\n--c--\r\n--b--\r\n";
  Part root = parse_structure(message);
  auto body = [&](std::vector<std::uint32_t> numbers) -> std::string {
    const Part* part = find_part(root, numbers);
    return part == nullptr          ? "-"
           : part->children.empty() ? message.substr(part->body_offset, part->body_size)
                                    : part->subtype;
  };
  EXPECT_EQ(body({}), "mixed");
  EXPECT_EQ(body({1}), "1");
  EXPECT_EQ(body({2}), "rfc822");
  EXPECT_EQ(body({2, 1}), "2");
  EXPECT_EQ(body({2, 2}), "-");
  EXPECT_EQ(body({2, 1, 1}), "-");
  EXPECT_EQ(body({3, 1}), "31");
  EXPECT_EQ(body({3, 2}), "mixed");
  EXPECT_EQ(body({3, 2, 1}), "321");
  EXPECT_EQ(body({1, 1}), "-");
  EXPECT_EQ(body({4}), "-");
  EXPECT_EQ(body({0}), "-");
  Part plain = parse_structure("Subject: x\r\n\r\nhello");
  EXPECT_EQ(find_part(plain, std::vector<std::uint32_t>{1}), &plain);
  EXPECT_EQ(find_part(plain, std::vector<std::uint32_t>{1, 1}), nullptr);
  Part carrier = parse_structure("Content-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\nhello");
  EXPECT_EQ(find_part(carrier, std::vector<std::uint32_t>{1}), &carrier);
  EXPECT_EQ(find_part(carrier, std::vector<std::uint32_t>{1, 1}), &carrier.children[0]);
}

TEST(StructureParser, DecodesTheBodyOfATextPart) {
  std::string message =
      "Content-Type: text/plain; charset=iso-8859-15\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n=A4=\r\n5";
  Part part = parse_structure(message);
  EXPECT_EQ(decoded_body(part, std::string_view(message).substr(part.body_offset)),
            "\xE2\x82\xAC"
            "5");
}

TEST(StructureCodec, RefusesWhatItDidNotWrite) {
  Part root = parse_structure(kRows[21].message);
  std::string bytes = encode_structure(root);
  EXPECT_EQ(decode_structure(bytes), root);
  EXPECT_FALSE(decode_structure("").has_value());
  EXPECT_FALSE(decode_structure(bytes + '\0').has_value());
  for (std::size_t size = 0; size < bytes.size(); ++size)
    EXPECT_FALSE(decode_structure(bytes.substr(0, size)).has_value());
  // Any other octets are refused, or are exactly what another structure encodes to.
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string changed = bytes;
      changed[i] = static_cast<char>(changed[i] ^ (1 << bit));
      auto part = decode_structure(changed);
      if (part) {
        EXPECT_EQ(encode_structure(*part), changed);
      }
    }
  }
}

}  // namespace
}  // namespace mailstead::mail
