#include "connectors/net/self_signed.h"

#include <arpa/inet.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <array>
#include <ctime>
#include <memory>

#include "connectors/net/tls_context.h"
#include "connectors/net/tls_verify.h"
#include "mail/failure.h"

namespace mailstead::net {
namespace {

constexpr std::size_t kMaxCommonName = 64;  // ub-common-name, RFC 5280 appendix A.1

template <auto Free>
struct Freed {
  template <typename T>
  void operator()(T* object) const noexcept {
    Free(object);
  }
};
using Key = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Freed<X509_free>>;
using Memory = std::unique_ptr<BIO, Freed<BIO_free_all>>;
using Names = std::unique_ptr<GENERAL_NAMES, Freed<GENERAL_NAMES_free>>;

void require(bool done) {
  if (!done)
    throw mail::Failure(mail::FailureKind::kTemporary, mail::FailureScope::kProcess,
                        "cannot make a certificate: " + take_openssl_error());
}

void add_name(GENERAL_NAMES* all, const std::string& name) {
  GENERAL_NAME* one = GENERAL_NAME_new();
  require(one != nullptr && sk_GENERAL_NAME_push(all, one) > 0);
  if (ASN1_OCTET_STRING* address = a2i_IPADDRESS(name.c_str()); address != nullptr) {
    GENERAL_NAME_set0_value(one, GEN_IPADD, address);
    return;
  }
  ASN1_IA5STRING* text = ASN1_IA5STRING_new();
  require(text != nullptr && ASN1_STRING_set(text, name.data(), static_cast<int>(name.size())) == 1);
  GENERAL_NAME_set0_value(one, GEN_DNS, text);
}

void add_extension(X509* certificate, int id, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  std::unique_ptr<X509_EXTENSION, Freed<X509_EXTENSION_free>> made(X509V3_EXT_conf_nid(nullptr, &context, id, value));
  require(made != nullptr && X509_add_ext(certificate, made.get(), -1) == 1);
}

void set_subject(X509* certificate, const std::string& name) {
  X509_NAME* subject = X509_get_subject_name(certificate);
  const std::string shown = name.substr(0, kMaxCommonName);
  require(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, reinterpret_cast<const unsigned char*>(shown.data()),
                                     static_cast<int>(shown.size()), -1, 0) == 1);
  require(X509_set_issuer_name(certificate, subject) == 1);
}

void set_serial(X509* certificate) {
  std::array<unsigned char, 16> random;
  require(RAND_bytes(random.data(), static_cast<int>(random.size())) == 1);
  random[0] &= 0x7FU;  // positive
  std::unique_ptr<BIGNUM, Freed<BN_free>> number(BN_bin2bn(random.data(), static_cast<int>(random.size()), nullptr));
  require(number != nullptr && BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) != nullptr);
}

void set_time(ASN1_TIME* field, mail::WallTime time) {
  require(ASN1_TIME_set(field, static_cast<std::time_t>(time.time_since_epoch().count())) != nullptr);
}

std::string text_of(const GENERAL_NAME* name) {
  if (name->type == GEN_DNS) {
    const ASN1_IA5STRING* text = name->d.dNSName;
    return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
            static_cast<std::size_t>(ASN1_STRING_length(text))};
  }
  if (name->type != GEN_IPADD) return {};
  std::array<char, INET6_ADDRSTRLEN> text{};
  const int family = ASN1_STRING_length(name->d.iPAddress) == 4 ? AF_INET : AF_INET6;
  ::inet_ntop(family, ASN1_STRING_get0_data(name->d.iPAddress), text.data(), text.size());
  return text.data();
}

}  // namespace

mail::Secret make_self_signed(const std::vector<std::string>& names, mail::WallTime from, mail::WallTime until) {
  const Key key(EVP_EC_gen("P-256"));
  const Certificate certificate(X509_new());
  require(key && certificate && !names.empty());
  require(X509_set_version(certificate.get(), X509_VERSION_3) == 1);
  set_serial(certificate.get());
  set_time(X509_getm_notBefore(certificate.get()), from);
  set_time(X509_getm_notAfter(certificate.get()), until);
  require(X509_set_pubkey(certificate.get(), key.get()) == 1);
  set_subject(certificate.get(), names.front());
  add_extension(certificate.get(), NID_basic_constraints, "critical,CA:FALSE");
  add_extension(certificate.get(), NID_key_usage, "critical,digitalSignature");
  add_extension(certificate.get(), NID_ext_key_usage, "serverAuth");
  const Names all(sk_GENERAL_NAME_new_null());
  for (const std::string& name : names) add_name(all.get(), name);
  require(X509_add1_ext_i2d(certificate.get(), NID_subject_alt_name, all.get(), 0, 0) == 1);
  require(X509_sign(certificate.get(), key.get(), EVP_sha256()) > 0);

  const Memory memory(BIO_new(BIO_s_secmem()));
  require(memory && PEM_write_bio_X509(memory.get(), certificate.get()) == 1 &&
          PEM_write_bio_PKCS8PrivateKey(memory.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1);
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(memory.get(), &bytes);
  return mail::Secret(std::string(bytes, static_cast<std::size_t>(size)));
}

std::optional<CertificateNames> read_certificate(const std::string& file) {
  ERR_clear_error();
  const Memory input(BIO_new_file(file.c_str(), "re"));
  const Certificate certificate(input ? PEM_read_bio_X509(input.get(), nullptr, nullptr, nullptr) : nullptr);
  ERR_clear_error();
  std::tm end{};
  if (!certificate || ASN1_TIME_to_tm(X509_get0_notAfter(certificate.get()), &end) != 1) return std::nullopt;
  CertificateNames found;
  found.until = mail::WallTime(std::chrono::seconds(::timegm(&end)));
  found.fingerprint = fingerprint_of(certificate.get());
  const Names all(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate.get(), NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; i < sk_GENERAL_NAME_num(all.get()); ++i)
    found.names.push_back(text_of(sk_GENERAL_NAME_value(all.get(), i)));
  return found;
}

}  // namespace mailstead::net
