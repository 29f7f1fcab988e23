#include "connectors/net/self_signed.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "connectors/net/tls.h"

namespace mailstead::net {
namespace {

using ::testing::ElementsAre;

class SelfSigned : public ::testing::Test {
 protected:
  SelfSigned() {
    std::string pattern = (std::filesystem::temp_directory_path() / "mailstead-own-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) std::abort();
    directory_ = pattern;
  }
  ~SelfSigned() override { std::filesystem::remove_all(directory_); }
  std::string write(std::string_view text) const {
    std::ofstream(directory_ / "own.pem") << text;
    return directory_ / "own.pem";
  }
  std::filesystem::path directory_;
  const mail::WallTime now_{std::chrono::seconds(1'700'000'000)};
};

TEST_F(SelfSigned, ServesUnderItsNames) {
  const auto made = make_self_signed({"mail.example.org", "localhost", "192.0.2.1", "::1"}, now_,
                                     now_ + std::chrono::hours(24 * 3650));
  const std::string file = write(made.reveal());
  EXPECT_NO_THROW(ServerTls(file, file));
  const auto read = read_certificate(file);
  ASSERT_TRUE(read);
  EXPECT_THAT(read->names, ElementsAre("mail.example.org", "localhost", "192.0.2.1", "::1"));
  EXPECT_EQ(read->until, now_ + std::chrono::hours(24 * 3650));
  EXPECT_EQ(read->fingerprint.size(), 64U);
}

TEST_F(SelfSigned, IsAnotherEachTime) {
  const auto fingerprint = [&] {
    return read_certificate(write(make_self_signed({"h"}, now_, now_ + std::chrono::hours(1)).reveal()))->fingerprint;
  };
  EXPECT_NE(fingerprint(), fingerprint());
}

TEST_F(SelfSigned, TakesNamesLongerThanACommonNameMayBe) {
  const std::string name = std::string(60, 'a') + "." + std::string(60, 'b') + ".example.org";
  const auto read = read_certificate(write(make_self_signed({name}, now_, now_ + std::chrono::hours(1)).reveal()));
  ASSERT_TRUE(read);
  EXPECT_THAT(read->names, ElementsAre(name));
}

TEST_F(SelfSigned, WhatIsNoCertificateIsNotRead) {
  EXPECT_FALSE(read_certificate((directory_ / "missing").string()));
  EXPECT_FALSE(read_certificate(write("")));
  EXPECT_FALSE(read_certificate(write("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")));
  const std::string whole(make_self_signed({"h"}, now_, now_ + std::chrono::hours(1)).reveal());
  EXPECT_FALSE(read_certificate(write(whole.substr(0, 100))));
}

}  // namespace
}  // namespace mailstead::net
