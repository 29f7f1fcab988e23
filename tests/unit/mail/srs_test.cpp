#include "mail/srs.h"

#include <gmock/gmock.h>

#include "mail/address.h"
#include "mail/ascii.h"
#include "mail/digest.h"

namespace mailstead::mail {
namespace {

using testing::MatchesRegex;
using testing::StartsWith;

const WallTime kNow{std::chrono::seconds(1'800'000'000)};
constexpr std::chrono::hours kDay{24};

Srs us(const char* secret = "secret") {
  return {Secret(secret), "us.example"};
}
Srs hop() {
  return {Secret("other"), "hop.example"};
}

TEST(Srs, CarriesTheSenderThereAndBack) {
  for (const std::string sender :
       {"alice@first.example", "a=b+c@first.example", "alice@sub.First.example", "srs0@x.example"}) {
    const std::string made = us().forward(sender, kNow);
    EXPECT_THAT(made, MatchesRegex("SRS0=[A-Z2-7]{6}=[A-Z2-7]{2}=.*@us.example"));
    EXPECT_TRUE(is_envelope_address(made));
    EXPECT_EQ(us().reverse(made, kNow), sender);
    EXPECT_EQ(us().reverse(made, kNow + 21 * kDay), sender);
    EXPECT_EQ(us().reverse(lowered(made), kNow), lowered(sender));
    EXPECT_EQ(us().reverse(made, kNow + 23 * kDay), std::nullopt);
    EXPECT_EQ(us().reverse(made, kNow - 2 * kDay), std::nullopt);
    EXPECT_EQ(us("another").reverse(made, kNow), std::nullopt);
    EXPECT_EQ(hop().reverse(made, kNow), std::nullopt);
  }
}

TEST(Srs, LeavesAloneWhatNeedsNone) {
  for (const std::string sender : {"", "alice@us.example", "alice@US.example", "no address", "\"a b\"@first.example"})
    EXPECT_EQ(us().forward(sender, kNow), sender);
}

TEST(Srs, ASecondForwarderKeepsTheWayToTheFirst) {
  const std::string first = hop().forward("alice@first.example", kNow);
  const std::string second = us().forward(first, kNow);
  EXPECT_THAT(second, StartsWith("SRS1="));
  EXPECT_EQ(us().reverse(second, kNow), first);
  // A third one drops the second: the bounce goes to the first forwarder at once.
  const Srs third(Secret("third"), "third.example");
  const std::string thrice = third.forward(second, kNow);
  EXPECT_THAT(thrice, StartsWith("SRS1="));
  EXPECT_EQ(third.reverse(thrice, kNow), first);
  EXPECT_EQ(hop().reverse(first, kNow), "alice@first.example");
}

TEST(Srs, OneKindSignsNothingForTheOther) {
  // A foreign SRS1 sender whose rest reads like an SRS0 of ours.
  const std::string made = us().forward("SRS1=x=AA=victim.example=bob@evil.example", kNow);
  ASSERT_THAT(made, StartsWith("SRS1="));
  EXPECT_EQ(us().reverse("SRS0=" + made.substr(5), kNow), std::nullopt);
}

TEST(Srs, NothingForgedComesThrough) {
  const std::string made = us().forward("alice@first.example", kNow);
  for (std::size_t i = 5; i < made.find('@'); ++i) {
    std::string forged = made;
    forged[i] = forged[i] == 'x' ? 'y' : 'x';
    EXPECT_EQ(us().reverse(forged, kNow), std::nullopt) << forged;
  }
  for (const char* rubbish :
       {"SRS0=@us.example", "SRS0=AAAAAA@us.example", "SRS0=AAAAAA=@us.example", "SRS1=AAAAAA=x@us.example", "SRS0",
        "@us.example", "", "SRS0=AAAAAA=AA=first.example=alice@us.example"})
    EXPECT_EQ(us().reverse(rubbish, kNow), std::nullopt) << rubbish;
}

TEST(Srs, IsLongerThanOtherLocalPartsMayBe) {
  const std::string sender = std::string(60, 'a') + "@" + std::string(40, 'b') + ".example";
  const std::string made = us().forward(sender, kNow);
  EXPECT_THAT(made, StartsWith("SRS0="));
  EXPECT_EQ(us().reverse(made, kNow), sender);
  EXPECT_FALSE(is_envelope_address(std::string(65, 'a') + "@us.example"));
}

// RFC 4231 §4.3.
TEST(HmacSha256, IsThatOfTheRfc) {
  HmacSha256 hmac("Jefe");
  hmac.update("what do ya want ");
  hmac.update("for nothing?");
  EXPECT_EQ(to_hex(hmac.finish()), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  HmacSha256 without_key("");
  EXPECT_EQ(to_hex(without_key.finish()), "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

}  // namespace
}  // namespace mailstead::mail
