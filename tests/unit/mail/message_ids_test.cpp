#include "mail/message_ids.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mail/structure.h"

namespace mailstead::mail {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(MessageIds, AreTakenFromBetweenTheBrackets) {
  EXPECT_THAT(message_ids("<a@b> (comment) <c@d>junk<e@f>"), ElementsAre("a@b", "c@d", "e@f"));
  EXPECT_THAT(message_ids("<\"a b\"@c>"), ElementsAre("ab@c"));
  EXPECT_THAT(message_ids("<\"01KF8\"@x.y>"), ElementsAre("01KF8@x.y"));  // RFC 5256 §2.2
  EXPECT_THAT(message_ids("<\"a>b\"@c>"), ElementsAre("a>b@c"));
  EXPECT_THAT(message_ids("<\"a\\\"b\"@c>"), ElementsAre("a\"b@c"));
  EXPECT_THAT(message_ids("<a@\r\n b>"), ElementsAre("a@b"));
}

TEST(MessageIds, OfBrokenValuesAreWhatCanBeRead) {
  EXPECT_THAT(message_ids(""), IsEmpty());
  EXPECT_THAT(message_ids("a@b"), IsEmpty());
  EXPECT_THAT(message_ids("<>"), IsEmpty());
  EXPECT_THAT(message_ids("<a@b"), IsEmpty());
  EXPECT_THAT(message_ids("<lost <c@d>"), ElementsAre("c@d"));
  EXPECT_THAT(message_ids("<" + std::string(2000, 'x') + "> <c@d>"), ElementsAre("c@d"));
  EXPECT_THAT(message_ids("<\"\\ \"@a>"), ElementsAre("@a"));
}

TEST(MessageIds, OfALongListAreKeptFromBothEnds) {
  std::string all;
  for (int i = 0; i < 1000; ++i) all += "<number" + std::to_string(i) + "@example.org> ";
  std::string kept = condensed_references(all);
  EXPECT_LE(kept.size(), 4000U);
  EXPECT_GE(kept.size(), 3900U);
  EXPECT_TRUE(kept.starts_with("number0@example.org number"));
  EXPECT_TRUE(kept.ends_with(" number998@example.org number999@example.org"));
  EXPECT_EQ(condensed_references("<a@b> <c@d>"), "a@b c@d");
  EXPECT_EQ(condensed_references("none"), "");
}

TEST(MessageIds, OfReferencesAreKeptWithTheRootAlone) {
  std::string message =
      "References: <a@b>\r\n <c@d>\r\nContent-Type: message/rfc822\r\n\r\nReferences: <e@f>\r\nSubject: "
      "in\r\n\r\nx\r\n";
  Part root = parse_structure(message);
  EXPECT_EQ(root.envelope->references, "a@b c@d");
  EXPECT_EQ(root.children.front().envelope->references, "");
  std::string stored = encode_structure(root);
  EXPECT_EQ(decode_structure(stored), root);
  // What was stored before there were references is read all the same, and each structure has one form.
  root.envelope->references.clear();
  std::string earlier = encode_structure(root);
  EXPECT_EQ(earlier.front(), '\1');
  EXPECT_EQ(decode_structure(earlier), root);
  EXPECT_EQ(stored.front(), '\2');
  EXPECT_EQ(decode_structure("\2" + earlier.substr(1) + '\0'), std::nullopt);
  EXPECT_EQ(decode_structure(std::string("\2") + earlier.substr(1) + std::string(1, '\0')), std::nullopt);
  stored.front() = '\1';
  EXPECT_EQ(decode_structure(stored), std::nullopt);
}

}  // namespace
}  // namespace mailstead::mail
