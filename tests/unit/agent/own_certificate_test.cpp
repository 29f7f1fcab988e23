#include "agent/serving/own_certificate.h"

#include "connectors/net/self_signed.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace mailstead::agent {
namespace {

using ::testing::ElementsAre;

class ManualClock final : public mail::Clock {
 public:
  mail::WallTime wall() const override { return now; }
  mail::SteadyTime steady() const override { return {}; }
  mail::WallTime now{std::chrono::seconds(1'700'000'000)};
};

class OwnCertificate : public ::testing::Test {
 protected:
  OwnCertificate() {
    std::string pattern = (std::filesystem::temp_directory_path() / "mailstead-own-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) std::abort();
    config.data_dir = pattern;
    config.host_name = "mail.example.org";
    config.listeners["imaps"].own_certificate = true;
    config.listeners["imaps"].address = "[2001:DB8:0:0::1]:993";
    config.listeners["pop3s"].own_certificate = true;
    config.listeners["pop3s"].address = "0.0.0.0:995";
    config.listeners["imap"].address = "192.0.2.9:143";
  }
  ~OwnCertificate() override { std::filesystem::remove_all(config.data_dir); }
  std::string fingerprint() { return net::read_certificate(own_certificate(config, clock, log))->fingerprint; }

  Config config;
  ManualClock clock;
  Log log{LogConfig{LogConfig::Level::kQuiet, LogConfig::Format::kText}};
};

TEST_F(OwnCertificate, NamesWhatItsClientsMayCallUs) {
  EXPECT_THAT(own_names(config), ElementsAre("mail.example.org", "localhost", "2001:db8::1", "127.0.0.1", "::1"));
}

TEST_F(OwnCertificate, IsMadeOnceAndItsKeyIsNobodyElses) {
  const std::string file = own_certificate(config, clock, log);
  struct stat facts {};
  ASSERT_EQ(::stat(file.c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777U, 0600U);
  EXPECT_EQ(fingerprint(), fingerprint());
}

TEST_F(OwnCertificate, IsMadeAnewBeforeItEnds) {
  const std::string first = fingerprint();
  clock.now += std::chrono::hours(24 * 3600);
  EXPECT_EQ(fingerprint(), first);
  clock.now += std::chrono::hours(24 * 25);
  EXPECT_NE(fingerprint(), first);
}

TEST_F(OwnCertificate, IsMadeAnewForANameThatItLacks) {
  const std::string first = fingerprint();
  config.listeners["imap"].own_certificate = true;
  const std::string second = fingerprint();
  EXPECT_NE(second, first);
  config.listeners["imap"].own_certificate = false;
  EXPECT_EQ(fingerprint(), second) << "a name too many is no harm";
}

TEST_F(OwnCertificate, IsMadeAnewWhenItDoesNotServe) {
  const std::string first = fingerprint();
  const std::string file = config.data_dir + "/tls/self-signed.pem";
  std::filesystem::resize_file(file, std::filesystem::file_size(file) - 60);  // of the key
  EXPECT_NE(fingerprint(), first);
}

TEST(Fingerprint, IsSpelledAsClientsShowIt) {
  EXPECT_EQ(spelled_fingerprint("0aff10"), "0A:FF:10");
}

}  // namespace
}  // namespace mailstead::agent
