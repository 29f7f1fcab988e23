#include <gtest/gtest.h>

#include <set>

#include "connectors/sasl/password_memory.h"
#include "connectors/sasl/server.h"
#include "mail/transfer_encoding.h"

namespace mailstead::sasl {
namespace {

ScramKeys keys_of(std::string password) {
  return make_keys(mail::Secret(std::move(password)), 4096);
}

TEST(ScramKeys, FitTheirPasswordOnly) {
  const ScramKeys keys = keys_of("secret");
  EXPECT_TRUE(verify(keys, "secret"));
  for (const char* wrong : {"", "Secret", "secret ", "secre", "secrets"}) EXPECT_FALSE(verify(keys, wrong)) << wrong;
}

TEST(ScramKeys, SurviveTheirText) {
  const ScramKeys keys = keys_of("secret");
  const auto read = decode_keys(encode_keys(keys));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->iterations, keys.iterations);
  EXPECT_EQ(read->salt, keys.salt);
  EXPECT_TRUE(verify(*read, "secret"));
}

TEST(ScramKeys, WithoutSha1AreThoseOfEarlyVersions) {
  const std::string both = encode_keys(keys_of("secret"));
  const std::string old = both.substr(0, both.find(' '));
  const auto read = decode_keys(old);
  ASSERT_TRUE(read);
  EXPECT_FALSE(read->sha1);
  EXPECT_TRUE(verify(*read, "secret"));
  EXPECT_EQ(encode_keys(*read), old);
}

TEST(ScramKeys, OfOneUserShareTheirSalt) {
  const ScramKeys keys = keys_of("secret");
  const ScramKeys beside = make_keys_beside(keys, mail::Secret("other"));
  EXPECT_EQ(beside.salt, keys.salt);
  EXPECT_EQ(beside.iterations, keys.iterations);
  EXPECT_TRUE(verify(beside, "other"));
  EXPECT_FALSE(verify(beside, "secret"));
}

TEST(AppPasswords, AreLongAndNeverTheSame) {
  std::set<std::string> made;
  for (int i = 0; i < 100; ++i) {
    const std::string text(new_app_password().reveal());
    ASSERT_EQ(text.size(), 19U);
    for (std::size_t at = 0; at < text.size(); ++at) EXPECT_EQ(text[at] == '-', at % 5 == 4) << text;
    EXPECT_EQ(text.find_first_of("l1o0 "), std::string::npos) << text;
    made.insert(text);
  }
  EXPECT_EQ(made.size(), 100U);
}

TEST(ScramKeys, DifferForTheSamePassword) {
  EXPECT_NE(encode_keys(keys_of("x")), encode_keys(keys_of("x")));
}

// RFC 7677 §3: user "user", password "pencil".
TEST(ScramKeys, MatchTheExampleOfRfc7677) {
  const auto salt = mail::decode_base64("W22ZaJ0SNY7soEsUEjb6gQ==");
  ASSERT_TRUE(salt);
  // The keys as other implementations compute them from that example.
  const auto keys = decode_keys(
      "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
      "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=");
  ASSERT_TRUE(keys);
  EXPECT_EQ(keys->salt, *salt);
  EXPECT_TRUE(verify(*keys, "pencil"));
  EXPECT_FALSE(verify(*keys, "pencils"));
}

TEST(ScramKeys, RefuseTextThatIsNone) {
  const std::string good = encode_keys(keys_of("x"));
  const auto first = good.find(' ');
  for (std::size_t length = 0; length < good.size(); ++length)
    EXPECT_EQ(decode_keys(good.substr(0, length)).has_value(), length == first) << length;
  EXPECT_FALSE(decode_keys(good.substr(first + 1))) << "SHA-1 alone";
  const std::string other = encode_keys(keys_of("x"));
  EXPECT_FALSE(decode_keys(good.substr(0, first) + other.substr(other.find(' ')))) << "two salts";
  for (const char* bad : {"", "plain", "SCRAM-SHA-1$4096:AA==$AA==:AA==", "SCRAM-SHA-256$:$:", "SCRAM-SHA-256$$$$::::",
                          "SCRAM-SHA-256$99999999999:AA==$AA==:AA=="})
    EXPECT_FALSE(decode_keys(bad)) << bad;
  EXPECT_FALSE(decode_keys(good + "x"));
}

TEST(ScramKeys, ClampIterationsToWhatClientsAccept) {
  EXPECT_EQ(make_keys(mail::Secret("x"), 1).iterations, 4096U);
  EXPECT_EQ(make_keys(mail::Secret("x")).iterations, 10'000U);
}

TEST(ScramKeys, PrepareThePasswordAsClientsDo) {
  // RFC 4013 §3: a soft hyphen is nothing, a no-break space a blank, ª an "a".
  EXPECT_TRUE(verify(keys_of("I\xc2\xadX"), "IX"));
  EXPECT_TRUE(verify(keys_of("a\xc2\xa0"
                             "b"),
                     "a b"));
  EXPECT_TRUE(verify(keys_of("\xc2\xaa"), "a"));
  // What SASLprep refuses is taken as it is.
  EXPECT_TRUE(verify(keys_of("\xff\xfe"), "\xff\xfe"));
  EXPECT_FALSE(verify(keys_of("\xff\xfe"), "\xff\xfd"));
}

TEST(DecoyKeys, StayTheSamePerNameAndFitNothing) {
  EXPECT_EQ(encode_keys(decoy_keys("secret", "bob")), encode_keys(decoy_keys("secret", "bob")));
  EXPECT_NE(decoy_keys("secret", "bob").salt, decoy_keys("secret", "carol").salt);
  EXPECT_NE(decoy_keys("secret", "bob").salt, decoy_keys("another", "bob").salt);
  EXPECT_FALSE(verify(decoy_keys("secret", "bob"), ""));
  EXPECT_FALSE(verify(decoy_keys("secret", "bob"), "bob"));
  EXPECT_TRUE(decode_keys(encode_keys(decoy_keys("secret", "bob")))) << "of the same form as real ones";
}

TEST(CheckPassword, SaysNoToUnknownNames) {
  const ScramKeys keys = keys_of("secret");
  const KeyLookup lookup = [&](const std::string& user) {
    return user == "alice" ? std::optional(keys) : std::nullopt;
  };
  EXPECT_TRUE(check_password(lookup, "alice", "secret"));
  EXPECT_FALSE(check_password(lookup, "alice", "Secret"));
  EXPECT_FALSE(check_password(lookup, "bob", "secret"));
  EXPECT_FALSE(check_password(lookup, "", ""));
}

TEST(PasswordMemory, SparesTheDerivationOfAPasswordThatWasLetIn) {
  const ScramKeys keys = make_keys(mail::Secret("secret"));
  UserKeys user(keys);
  user.app_passwords.push_back({"phone", make_keys_beside(keys, mail::Secret("app"))});
  const KeyLookup lookup([&](const std::string& name) { return name == "alice" ? std::optional(user) : std::nullopt; });
  const auto kept = [&](const char* password) { return lookup.memory->find(lookup.memory->name_of(keys, password)); };
  for (const char* password : {"secret", "app"}) {
    const auto first = check_password(lookup, "alice", password);
    ASSERT_TRUE(first && first->derived);
    EXPECT_FALSE(kept(password)) << "nobody was let in yet";
    lookup.memory->keep(*first->derived);
    EXPECT_TRUE(kept(password));
    const auto second = check_password(lookup, "alice", password);
    ASSERT_TRUE(second);
    EXPECT_FALSE(second->derived);
    EXPECT_EQ(second->app_password, first->app_password);
    EXPECT_EQ(second->stored_key, first->stored_key);
    EXPECT_FALSE(check_password(lookup, "alice", "wrong"));
    EXPECT_FALSE(check_password(lookup, "bob", password));
  }
  // What is remembered is worth nothing once it was revoked or changed.
  user.app_passwords.clear();
  EXPECT_FALSE(check_password(lookup, "alice", "app"));
  user.password = make_keys_beside(keys, mail::Secret("other"));
  EXPECT_FALSE(check_password(lookup, "alice", "secret"));
  EXPECT_TRUE(check_password(lookup, "alice", "other"));
}

TEST(PasswordMemory, ForgetsTheOldest) {
  const ScramKeys keys = make_keys(mail::Secret("secret"));
  PasswordMemory memory;
  const auto name = [&](int number) { return memory.name_of(keys, "p" + std::to_string(number)); };
  for (int i = 0; i < 5000; ++i) memory.keep({name(i), {std::to_string(i), ""}});
  EXPECT_FALSE(memory.find(name(0)));
  EXPECT_FALSE(memory.find(name(903)));
  ASSERT_TRUE(memory.find(name(904)));
  EXPECT_EQ(memory.find(name(4999))->stored_key, "4999");
  ScramKeys salted = keys;
  salted.salt += "x";
  EXPECT_NE(memory.name_of(salted, "p4999"), name(4999));
}

}  // namespace
}  // namespace mailstead::sasl
