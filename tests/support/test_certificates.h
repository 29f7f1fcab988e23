// Certificates for tests, made at run time by OpenSSL: a private authority and leaves with every flaw that a mail
// client has been caught accepting. Nothing of it is trusted outside of a test that names ca_file().
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace mailstead::testing {

enum class Leaf {
  kGood,              // SAN localhost, 127.0.0.1, ::1, imap.example.org
  kWrongHost,         // SAN other.example.org
  kExpired,           // good names, over since yesterday
  kNotYetValid,       // good names, from tomorrow on
  kSelfSigned,        // good names, signed by itself
  kWrongAuthority,    // good names, signed by an authority that is not ca_file()
  kCommonNameOnly,    // CN=localhost, no SAN
  kNulInName,         // SAN "localhost\0.evil.example"
  kWildcardTopLevel,  // SAN *.com
  kWildcardPartial,   // SAN ima*.example.org
  kNoAddress,         // SAN localhost only: no IP address
  kClientOnly,        // good names, extended key usage clientAuth only
  kWildcard,          // SAN *.example.org, as it should be
  kLongSubject,       // good names; subject of 12 KB
  kClientAlice,       // clientAuth; CN alice, SAN e-mail alice@example.org and bob@example.org
  kClientStranger,    // the same, signed by an authority that is not ca_file()
  kClientTwoNames,    // clientAuth; CN alice and CN bob
  kOddSubject,        // good names; subject with a newline, an escape sequence and 8-bit octets
};

class TestCertificates {
 public:
  // One set per process, removed at its end.
  [[nodiscard]] static TestCertificates& shared();
  TestCertificates();
  ~TestCertificates();
  TestCertificates(const TestCertificates&) = delete;
  TestCertificates& operator=(const TestCertificates&) = delete;

  struct Files {
    std::string certificate, key;
    std::string fingerprint;  // SHA-256, lower-case hex
  };
  // PEM file of the authority to trust.
  [[nodiscard]] std::string ca_file() const { return (directory_ / "ca.pem").string(); }
  // Made at the first call for each. Thread-safe.
  [[nodiscard]] const Files& leaf(Leaf which);

 private:
  std::filesystem::path directory_;
  std::mutex mutex_;
  std::map<Leaf, Files> made_;
  struct Authorities;
  std::unique_ptr<Authorities> authorities_;
};

}  // namespace mailstead::testing
