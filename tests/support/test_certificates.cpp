#include "tests/support/test_certificates.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <string_view>
#include <vector>

#include "mail/digest.h"

namespace mailstead::testing {
namespace {

constexpr long kDay = 24 * 3600;

template <auto Free>
struct Freed {
  template <typename T>
  void operator()(T* object) const noexcept {
    Free(object);
  }
};
using Key = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Freed<X509_free>>;

void require(bool ok, const char* what) {
  if (!ok) throw std::runtime_error(std::string("test certificates: ") + what);
}

struct Name {
  int type;  // GEN_DNS, GEN_EMAIL or GEN_IPADD
  std::string value;
};

struct Recipe {
  std::string common_name;
  std::vector<Name> names;
  long from = -kDay, until = 30 * kDay;  // seconds from now
  std::string key_usage = "serverAuth";
  enum class Signer { kAuthority, kStranger, kItself } signer = Signer::kAuthority;
  bool authority = false;
  std::string second_name{};  // another CN
  int units = 0;              // OU entries of 60 octets in its subject
};

Key make_key() {
  Key key(EVP_EC_gen("P-256"));
  require(key != nullptr, "key");
  return key;
}

void add_names(X509* certificate, const std::vector<Name>& names) {
  if (names.empty()) return;
  std::unique_ptr<GENERAL_NAMES, Freed<GENERAL_NAMES_free>> all(sk_GENERAL_NAME_new_null());
  for (const Name& name : names) {
    GENERAL_NAME* one = GENERAL_NAME_new();
    if (name.type == GEN_DNS || name.type == GEN_EMAIL) {
      ASN1_IA5STRING* text = ASN1_IA5STRING_new();
      ASN1_STRING_set(text, name.value.data(), static_cast<int>(name.value.size()));  // by length: NUL stays
      GENERAL_NAME_set0_value(one, name.type, text);
    } else {
      GENERAL_NAME_set0_value(one, GEN_IPADD, a2i_IPADDRESS(name.value.c_str()));
    }
    sk_GENERAL_NAME_push(all.get(), one);
  }
  require(X509_add1_ext_i2d(certificate, NID_subject_alt_name, all.get(), 0, 0) == 1, "names");
}

void add_extension(X509* certificate, int id, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, id, value.c_str());
  require(extension != nullptr, value.c_str());
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

void set_common_name(X509_NAME* name, const std::string& text) {
  require(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>(text.data()),
                                     static_cast<int>(text.size()), -1, 0) == 1,
          "common name");
}

Certificate make_certificate(const Recipe& recipe, EVP_PKEY* key, X509* issuer, EVP_PKEY* issuer_key) {
  static long serial = 1000;
  Certificate certificate(X509_new());
  X509_set_version(certificate.get(), X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), ++serial);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), recipe.from);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), recipe.until);
  X509_set_pubkey(certificate.get(), key);
  set_common_name(X509_get_subject_name(certificate.get()), recipe.common_name);
  if (!recipe.second_name.empty()) set_common_name(X509_get_subject_name(certificate.get()), recipe.second_name);
  const std::string unit(60, 'u');
  for (int i = 0; i < recipe.units; ++i)
    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate.get()), "OU", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(unit.data()), static_cast<int>(unit.size()), -1,
                               0);
  X509_set_issuer_name(certificate.get(), X509_get_subject_name(issuer != nullptr ? issuer : certificate.get()));
  add_extension(certificate.get(), NID_basic_constraints, recipe.authority ? "critical,CA:TRUE" : "critical,CA:FALSE");
  if (recipe.authority)
    add_extension(certificate.get(), NID_key_usage, "critical,keyCertSign,cRLSign");
  else
    add_extension(certificate.get(), NID_ext_key_usage, recipe.key_usage);
  add_names(certificate.get(), recipe.names);
  require(X509_sign(certificate.get(), issuer_key, EVP_sha256()) > 0, "signature");
  return certificate;
}

using File = std::unique_ptr<std::FILE, Freed<std::fclose>>;

void write_certificate(const std::filesystem::path& path, X509* certificate) {
  File file(std::fopen(path.c_str(), "we"));
  require(file && PEM_write_X509(file.get(), certificate) == 1, path.c_str());
}

void write_key(const std::filesystem::path& path, EVP_PKEY* key) {
  File file(std::fopen(path.c_str(), "we"));
  require(file && PEM_write_PrivateKey(file.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1, path.c_str());
}

std::string fingerprint_of(X509* certificate) {
  unsigned char* der = nullptr;
  const int size = i2d_X509(certificate, &der);
  require(size > 0, "encoding");
  const auto digest = mail::sha256({reinterpret_cast<const char*>(der), static_cast<std::size_t>(size)});
  OPENSSL_free(der);
  return mail::to_hex(digest);
}

Recipe recipe_of(Leaf which) {
  using namespace std::string_literals;
  Recipe recipe{"localhost",
                {{GEN_DNS, "localhost"}, {GEN_DNS, "imap.example.org"}, {GEN_IPADD, "127.0.0.1"}, {GEN_IPADD, "::1"}}};
  switch (which) {
    case Leaf::kGood: break;
    case Leaf::kWrongHost: recipe.names = {{GEN_DNS, "other.example.org"}}; break;
    case Leaf::kExpired: recipe.from = -30 * kDay, recipe.until = -kDay; break;
    case Leaf::kNotYetValid: recipe.from = kDay; break;
    case Leaf::kSelfSigned: recipe.signer = Recipe::Signer::kItself; break;
    case Leaf::kWrongAuthority: recipe.signer = Recipe::Signer::kStranger; break;
    case Leaf::kCommonNameOnly: recipe.names.clear(); break;
    case Leaf::kNulInName: recipe.names = {{GEN_DNS, "localhost\0.evil.example"s}}; break;
    case Leaf::kWildcardTopLevel: recipe.names = {{GEN_DNS, "*.com"}}; break;
    case Leaf::kWildcardPartial: recipe.names = {{GEN_DNS, "ima*.example.org"}}; break;
    case Leaf::kNoAddress: recipe.names = {{GEN_DNS, "localhost"}}; break;
    case Leaf::kClientOnly: recipe.key_usage = "clientAuth"; break;
    case Leaf::kWildcard: recipe.names = {{GEN_DNS, "*.example.org"}}; break;
    case Leaf::kLongSubject: recipe.units = 200; break;
    case Leaf::kClientStranger: recipe.signer = Recipe::Signer::kStranger; [[fallthrough]];
    case Leaf::kClientTwoNames:
    case Leaf::kClientAlice:
      recipe.common_name = "alice";
      recipe.names = {{GEN_EMAIL, "alice@example.org"}, {GEN_EMAIL, "bob@example.org"}};
      recipe.key_usage = "clientAuth";
      if (which == Leaf::kClientTwoNames) recipe.second_name = "bob";
      break;
    case Leaf::kOddSubject: recipe.common_name = "odd\n\x1b[31m\xff\xfe end"; break;
  }
  return recipe;
}

}  // namespace

struct TestCertificates::Authorities {
  Key key = make_key(), stranger_key = make_key();
  Certificate certificate = make("Mailstead test authority", key.get());
  Certificate stranger = make("Somebody else's authority", stranger_key.get());

  static Certificate make(const std::string& name, EVP_PKEY* key) {
    Recipe recipe;
    recipe.common_name = name;
    recipe.authority = true;
    return make_certificate(recipe, key, nullptr, key);
  }
};

TestCertificates& TestCertificates::shared() {
  static TestCertificates instance;
  return instance;
}

TestCertificates::TestCertificates() : authorities_(std::make_unique<Authorities>()) {
  std::string pattern = (std::filesystem::temp_directory_path() / "mailstead-certificates-XXXXXX").string();
  require(::mkdtemp(pattern.data()) != nullptr, "temporary directory");
  directory_ = pattern;
  write_certificate(directory_ / "ca.pem", authorities_->certificate.get());
}

TestCertificates::~TestCertificates() {
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

const TestCertificates::Files& TestCertificates::leaf(Leaf which) {
  std::lock_guard lock(mutex_);
  if (const auto found = made_.find(which); found != made_.end()) return found->second;
  const Recipe recipe = recipe_of(which);
  const Key key = make_key();
  X509* issuer = nullptr;
  EVP_PKEY* issuer_key = key.get();
  if (recipe.signer == Recipe::Signer::kAuthority)
    issuer = authorities_->certificate.get(), issuer_key = authorities_->key.get();
  if (recipe.signer == Recipe::Signer::kStranger)
    issuer = authorities_->stranger.get(), issuer_key = authorities_->stranger_key.get();
  const Certificate certificate = make_certificate(recipe, key.get(), issuer, issuer_key);
  const std::string stem = "leaf-" + std::to_string(static_cast<int>(which));
  Files files{(directory_ / (stem + ".pem")).string(), (directory_ / (stem + ".key")).string(),
              fingerprint_of(certificate.get())};
  write_certificate(files.certificate, certificate.get());
  write_key(files.key, key.get());
  return made_.emplace(which, std::move(files)).first->second;
}

}  // namespace mailstead::testing
