#include "mail/header.h"

#include <gtest/gtest.h>

#include <string>

#include "mail/failure.h"
#include "mail/header_edit.h"

namespace mailstead::mail {
namespace {

// "name=value|" for each field, then the size.
std::string describe(const HeaderBlock& block) {
  std::string text;
  for (const HeaderField& field : block.fields())
    text += std::string(field.name) + "=" + std::string(field.value) + "|";
  return text + std::to_string(block.size()) + (block.terminated() ? "." : "");
}

struct Row {
  const char* name;
  std::string bytes;
  std::string expected;
};

TEST(HeaderBlock, ReadsFieldsAsTheyStand) {
  const Row rows[] = {
      {"empty", "", "0"},
      {"blank line only", "\r\n", "2."},
      {"bare LF blank line", "\nbody", "1."},
      {"two fields and a body", "A: 1\r\nB:2\r\n\r\nbody", "A= 1|B=2|13."},
      {"repeats and case", "a: 1\r\nA: 2\r\n\r\n", "a= 1|A= 2|14."},
      {"folds", "A: 1\r\n 2\r\n\t3\r\nB: x\r\n\r\n", "A= 1\r\n 2\r\n\t3|B= x|22."},
      {"fold of blanks only", "A: 1\r\n  \r\nB: 2\r\n\r\n", "A= 1\r\n  |B= 2|18."},
      {"blank before the colon", "A \t: 1\r\n\r\n", "A= 1|10."},
      {"bare LF", "A: 1\nB: 2\n\nx", "A= 1|B= 2|11."},
      {"no blank line", "A: 1\r\nB: 2", "A= 1|B= 2|10"},
      {"empty value", "A:\r\n\r\n", "A=|6."},
      {"a line that is no field", "A: 1\r\nno field\r\nB: 2\r\n\r\n", "A= 1|6"},
      {"a name with a blank inside", "A: 1\r\nB c: 2\r\n\r\n", "A= 1|6"},
      {"no name", "A: 1\r\n: 2\r\n\r\n", "A= 1|6"},
      {"continuation of nothing", " A: 1\r\n\r\n", "0"},
      {"mbox line", "From a Mon\r\n>From b\r\nA: 1\r\n\r\n", "A= 1|29."},
      {"From with a blank before its colon", "From : a\r\n\r\n", "From= a|12."},
      {"mbox line behind a field", "A: 1\r\nFrom b\r\n", "A= 1|6"},
      {"NUL in a value", std::string("A: 1\0 2\r\n\r\n", 11), std::string("A= 1\0 2|11.", 11)},
      {"bare CR in a value", "A: 1\r2\r\n\r\n", "A= 1\r2|10."},
      {"8-bit name", "\xC3\xA4: 1\r\n\r\n", "\xC3\xA4= 1|9."},
  };
  for (const Row& row : rows) EXPECT_EQ(describe(HeaderBlock::parse(row.bytes)), row.expected) << row.name;
}

TEST(HeaderBlock, KeepsTheRawBytes) {
  std::string bytes = "A: 1\r\n 2\r\nB : x\n\r\nbody";
  HeaderBlock block = HeaderBlock::parse(bytes);
  ASSERT_EQ(block.fields().size(), 2U);
  EXPECT_EQ(block.fields()[0].raw, "A: 1\r\n 2\r\n");
  EXPECT_EQ(block.fields()[1].raw, "B : x\n");
}

TEST(HeaderBlock, FindsFieldsWithoutRegardToCase) {
  std::string bytes = "Received: 1\r\nsubject: s\r\nRECEIVED: 2\r\n\r\n";
  HeaderBlock block = HeaderBlock::parse(bytes);
  ASSERT_NE(block.first("Subject"), nullptr);
  EXPECT_EQ(block.first("Subject")->value, " s");
  EXPECT_EQ(block.first("Subjec"), nullptr);
  auto all = block.all("received");
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[1]->value, " 2");
}

TEST(HeaderBlock, EndsInFrontOfTheFieldThatExceedsALimit) {
  std::string bytes = "A: 1\r\nB: 2\r\n 3\r\nC: 4\r\n\r\n";
  ParseLimits limits;
  limits.header_bytes = 14;  // inside B's continuation
  EXPECT_EQ(describe(HeaderBlock::parse(bytes, limits)), "A= 1|6");
  limits = {};
  limits.header_fields = 2;
  EXPECT_EQ(describe(HeaderBlock::parse(bytes, limits)), "A= 1|B= 2\r\n 3|16");
  std::string huge = "A: 1\r\nTo: " + std::string(11'000'000, 'x') + "\r\n\r\n";
  EXPECT_EQ(HeaderBlock::parse(huge).fields().size(), 1U);
}

TEST(Unfold, DropsLineEndsAndOuterBlanks) {
  EXPECT_EQ(unfold(" a\r\n b\n\tc \r\n"), "a b\tc");
  EXPECT_EQ(unfold(""), "");
  EXPECT_EQ(unfold("\r\n \r\n"), "");
}

TEST(FormatField, WritesShortFieldsOnOneLine) {
  EXPECT_EQ(format_field("Subject", "hello world"), "Subject: hello world\r\n");
  EXPECT_EQ(format_field("X", ""), "X:\r\n");
  EXPECT_EQ(format_field("X", "  a  b "), "X: a  b\r\n");
}

std::string unfolded(const std::string& field) {
  return unfold(HeaderBlock::parse(field).fields().at(0).value);
}

void expect_sound_lines(const std::string& field) {
  ASSERT_TRUE(field.ends_with("\r\n"));
  std::size_t begin = 0;
  for (std::size_t end = 0; (end = field.find("\r\n", begin)) != std::string::npos; begin = end + 2) {
    std::string line = field.substr(begin, end - begin);
    EXPECT_LE(line.size(), 998U);
    EXPECT_EQ(line.find_first_of("\r\n"), std::string::npos);
    EXPECT_NE(line.find_first_not_of(" \t"), std::string::npos);
    if (begin > 0) {
      EXPECT_TRUE(line[0] == ' ' || line[0] == '\t');
    }
  }
}

TEST(FormatField, FoldsAtBlanksAndKeepsThem) {
  std::string value;
  for (int i = 0; i < 100; ++i) value += "word" + std::to_string(i) + (i % 3 == 0 ? "  " : " ");
  value += "end";
  std::string field = format_field("X-Words", value);
  expect_sound_lines(field);
  EXPECT_EQ(unfolded(field), value);
  EXPECT_LE(field.find("\r\n"), 78U);
}

TEST(FormatField, NeverWritesALineBeyond998) {
  for (std::size_t size : {80U, 899U, 990U, 998U, 5000U}) {
    for (const std::string& value : {std::string(size, 'x'), std::string(size, 'x') + " " + std::string(size, 'y'),
                                     "a" + std::string(size, ' ') + "b", std::string(size, '\x01')}) {
      std::string field = format_field("X-Long", value);
      expect_sound_lines(field);
    }
  }
  std::string name(900, 'N');
  expect_sound_lines(format_field(name, std::string(500, 'v')));
}

TEST(FormatField, EncodesWhatIsNotAscii) {
  std::string value =
      "Gr\xC3\xBC\xC3\x9F"
      "e aus K\xC3\xB6ln";
  std::string field = format_field("Subject", value);
  expect_sound_lines(field);
  EXPECT_EQ(field.find_first_of("\xC3"), std::string::npos);
  EXPECT_EQ(decoded_value(HeaderBlock::parse(field).fields().at(0)), value);
  std::string many;
  for (int i = 0; i < 200; ++i) many += "\xE6\x97\xA5\xE6\x9C\xAC ";
  many.pop_back();
  field = format_field("Subject", many);
  expect_sound_lines(field);
  EXPECT_EQ(decoded_value(HeaderBlock::parse(field).fields().at(0)), many);
}

TEST(FormatField, EncodesOnlyNamesInAddressFields) {
  EXPECT_EQ(format_field("From", "J\xC3\xB6rg <joerg@x.example>, b@x"),
            "From: =?utf-8?Q?J=C3=B6rg?= <joerg@x.example>, b@x\r\n");
}

TEST(FormatField, LeavesEncodedNamesInAddressFieldsAndWritesAsciiOnly) {
  EXPECT_EQ(format_field("To", "=?utf-8?Q?J=C3=B6rg?= <j@x>"), "To: =?utf-8?Q?J=C3=B6rg?= <j@x>\r\n");
  std::string field = format_field("To", "j\xC3\xB6rg@\xC3\xA4.example");
  EXPECT_EQ(field.find('\xC3'), std::string::npos);
}

TEST(FormatField, RefusesInjection) {
  for (const std::string& value :
       {std::string("a\r\nBcc: x"), std::string("a\nb"), std::string("a\rb"), std::string("a\0b", 3)}) {
    try {
      (void)format_field("Subject", value);
      FAIL() << "accepted";
    } catch (const Failure& failure) {
      EXPECT_EQ(failure.kind(), FailureKind::kPermanent);
      EXPECT_EQ(failure.scope(), FailureScope::kMessage);
    }
  }
  for (const char* name : {"", "a b", "a:", "a\r\n", "\xC3\xA4"}) EXPECT_THROW((void)format_field(name, "x"), Failure);
}

using Kind = HeaderEdit::Kind;

TEST(HeaderEdit, AddsSetsAndRemoves) {
  const std::string header = "Received: 1\r\nSubject: old\r\n folded\r\nX: a\r\nsubject: again\r\n\r\n";
  auto apply = [&](std::vector<HeaderEdit> edits) { return apply_edits(header, edits); };
  EXPECT_EQ(apply({}), header);
  EXPECT_EQ(apply({{Kind::kAdd, "A", "1"}, {Kind::kAdd, "B", "2"}}), "B: 2\r\nA: 1\r\n" + header);
  EXPECT_EQ(apply({{Kind::kSet, "SUBJECT", "new"}}), "SUBJECT: new\r\nReceived: 1\r\nX: a\r\n\r\n");
  EXPECT_EQ(apply({{Kind::kRemove, "x", ""}}), "Received: 1\r\nSubject: old\r\n folded\r\nsubject: again\r\n\r\n");
  EXPECT_EQ(apply({{Kind::kAdd, "A", "1"}, {Kind::kRemove, "a", ""}}), header);
  EXPECT_THROW(apply({{Kind::kAdd, "A", "1\r\nB: 2"}}), Failure);
}

TEST(HeaderEdit, FollowsTheBlocksLineEnds) {
  EXPECT_EQ(apply_edits("X: a\n\n", std::vector<HeaderEdit>{{Kind::kAdd, "A", "1"}}), "A: 1\nX: a\n\n");
}

TEST(HeaderEdit, GivesAHeaderToAMessageWithoutOne) {
  std::vector<HeaderEdit> edits{{Kind::kAdd, "A", "1"}};
  EXPECT_EQ(apply_edits("", edits), "A: 1\r\n\r\n");
  EXPECT_EQ(apply_edits("\r\n", edits), "A: 1\r\n\r\n");
  EXPECT_EQ(apply_edits("X: a", edits), "A: 1\r\nX: a\r\n\r\n");
  EXPECT_EQ(apply_edits("From -", edits), "From -\r\nA: 1\r\n\r\n");
  EXPECT_EQ(apply_edits("From a Mon\r\nX: a\r\n\r\n", edits), "From a Mon\r\nA: 1\r\nX: a\r\n\r\n");
}

TEST(HeaderEdit, SharesTheBody) {
  auto message = std::make_shared<MemoryContent>("X: a\r\n\r\nbody");
  auto edited = apply_edits(message, 8, std::vector<HeaderEdit>{{Kind::kAdd, "A", "1"}});
  EXPECT_EQ(edited->size(), 18U);
  EXPECT_EQ(read_range(*edited, 0, 100), "A: 1\r\nX: a\r\n\r\nbody");
  for (ByteCount offset = 0; offset <= edited->size() + 1; ++offset) {
    for (ByteCount length = 0; length < 20; ++length) {
      std::string all = "A: 1\r\nX: a\r\n\r\nbody";
      EXPECT_EQ(read_range(*edited, offset, length), offset > all.size() ? "" : all.substr(offset, length));
    }
  }
  auto headerless =
      apply_edits(std::make_shared<MemoryContent>("just text"), 0, std::vector<HeaderEdit>{{Kind::kAdd, "A", "1"}});
  EXPECT_EQ(read_range(*headerless, 0, 100), "A: 1\r\n\r\njust text");
}

}  // namespace
}  // namespace mailstead::mail
