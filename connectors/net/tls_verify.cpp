#include "connectors/net/tls_verify.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <memory>

#include "connectors/net/tls_context.h"
#include "mail/digest.h"
#include "mail/escape.h"
#include "mail/failure.h"
#include "mail/secret.h"

namespace mailstead::net {
namespace {

constexpr int kMaxChain = 20;              // OpenSSL itself gives up far beyond
constexpr std::size_t kMaxNameText = 200;  // of a certificate's names in a message

int check_index() {
  static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

std::string take_text(BIO* memory) {
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(memory, &bytes);
  return mail::printable(std::string_view(bytes, size > 0 ? static_cast<std::size_t>(size) : 0), kMaxNameText);
}

using BioPointer = std::unique_ptr<BIO, decltype(&BIO_free)>;

// Escaped by OpenSSL first (so that a comma in a value is not a separator), then made printable.
std::string name_text(const X509_NAME* name) {
  BioPointer memory(BIO_new(BIO_s_mem()), BIO_free);
  if (!memory || name == nullptr) return {};
  X509_NAME_print_ex(memory.get(), name, 0, XN_FLAG_RFC2253 & ~static_cast<unsigned long>(ASN1_STRFLGS_ESC_MSB));
  return take_text(memory.get());
}

std::string time_text(const ASN1_TIME* time) {
  BioPointer memory(BIO_new(BIO_s_mem()), BIO_free);
  if (!memory || time == nullptr) return "an unreadable date";
  ASN1_TIME_print(memory.get(), time);
  return take_text(memory.get());
}

std::string address_text(const ASN1_OCTET_STRING* address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const int family = ASN1_STRING_length(address) == 4 ? AF_INET : AF_INET6;
  if (family == AF_INET6 && ASN1_STRING_length(address) != 16) return "?";
  const char* written = inet_ntop(family, ASN1_STRING_get0_data(address), text.data(), text.size());
  return written != nullptr ? written : "?";
}

// The host names and addresses that the certificate is for, quoted; a common name is shown but never believed.
std::string subject_names(X509* certificate) {
  std::string all;
  auto* names = static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; names != nullptr && i < sk_GENERAL_NAME_num(names) && all.size() < kMaxNameText; ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names, i);
    std::string one;
    if (name->type == GEN_DNS) {
      const auto* bytes = reinterpret_cast<const char*>(ASN1_STRING_get0_data(name->d.dNSName));
      one = mail::printable({bytes, static_cast<std::size_t>(ASN1_STRING_length(name->d.dNSName))}, kMaxNameText);
    } else if (name->type == GEN_IPADD) {
      one = address_text(name->d.iPAddress);
    }
    if (!one.empty()) all += (all.empty() ? "\"" : ", \"") + one + "\"";
  }
  GENERAL_NAMES_free(names);
  if (all.empty()) all = "no host at all (its subject is \"" + name_text(X509_get_subject_name(certificate)) + "\")";
  return all;
}

int days_left(X509* certificate) {
  int days = 0;
  int seconds = 0;
  return ASN1_TIME_diff(&days, &seconds, nullptr, X509_get0_notAfter(certificate)) == 1 ? days : 0;
}

std::string day_text(const ASN1_TIME* time) {
  std::tm day{};
  std::array<char, 16> text{};
  if (time == nullptr || ASN1_TIME_to_tm(time, &day) != 1) return "an unreadable date";
  return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%d", &day)};
}

std::vector<CertificateFacts> chain_of(SSL* ssl) {
  std::vector<CertificateFacts> chain;
  const STACK_OF(X509)* certificates = SSL_get0_verified_chain(ssl);
  if (certificates == nullptr) certificates = SSL_get_peer_cert_chain(ssl);
  for (int i = 0; certificates != nullptr && i < sk_X509_num(certificates) && i < kMaxChain; ++i) {
    X509* one = sk_X509_value(certificates, i);
    chain.push_back({name_text(X509_get_subject_name(one)), name_text(X509_get_issuer_name(one)),
                     day_text(X509_get0_notAfter(one)), days_left(one)});
  }
  return chain;
}

std::string pin_hint(X509* certificate) {
  return "set tls_options.fingerprint to \"" + fingerprint_of(certificate) + "\" if it is the right one";
}

std::string explain(int error, X509* leaf, X509_STORE_CTX* store, const std::string& host) {
  const std::string whose = "certificate of " + mail::printable(host, kMaxNameText);
  if (leaf == nullptr) return whose + " is missing";
  X509* culprit = X509_STORE_CTX_get_current_cert(store);
  if (culprit == nullptr) culprit = leaf;
  const std::string which = culprit == leaf ? "" : "'s authority \"" + name_text(X509_get_subject_name(culprit)) + "\"";
  switch (error) {
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return whose + " is for " + subject_names(leaf) + ": correct the host name, or " + pin_hint(leaf);
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
      return whose + " is self-signed: set tls_options.ca_file to it, or " + pin_hint(leaf);
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
      return whose + " is signed by \"" + name_text(X509_get_issuer_name(culprit)) +
             "\", which is not trusted here: set tls_options.ca_file to that authority's certificate, or " +
             pin_hint(leaf);
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return whose + which + " expired on " + time_text(X509_get0_notAfter(culprit)) +
             ": the server must renew it (and this machine's clock must be right); until then " + pin_hint(leaf);
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return whose + which + " is not valid before " + time_text(X509_get0_notBefore(culprit)) +
             ": check this machine's clock";
    case X509_V_ERR_INVALID_PURPOSE:
      return whose + which + " is not meant for a server (key usage): the server must get another, or " +
             pin_hint(leaf);
    default:
      return whose + which + " does not verify: " + X509_verify_cert_error_string(error) +
             ": set tls_options.ca_file, or " + pin_hint(leaf);
  }
}

bool pin_fits(X509* leaf, PeerCheck& check) {
  if (leaf == nullptr) {
    check.refusal = "certificate of " + mail::printable(check.host, kMaxNameText) + " is missing";
    return false;
  }
  const std::string actual = fingerprint_of(leaf);
  if (mail::equal_in_constant_time(actual, check.fingerprint)) return true;
  const std::string key = pin_of(leaf);
  for (const std::string& pin : check.pins)
    if (!key.empty() && mail::equal_in_constant_time(key, pin)) return true;
  const std::string whose = "certificate of " + mail::printable(check.host, kMaxNameText);
  check.refusal = check.fingerprint.empty()
                      ? whose + " has the public key \"sha256:" + key +
                            "\", not one in tls_options.pin: if the server has a new key, change the setting"
                      : whose + " has the fingerprint \"" + actual +
                            "\", not the one in tls_options.fingerprint: if the server has a new certificate, change "
                            "the setting";
  return false;
}

bool is_address(const std::string& host) {
  std::array<unsigned char, sizeof(in6_addr)> bytes{};
  return inet_pton(AF_INET, host.c_str(), bytes.data()) == 1 || inet_pton(AF_INET6, host.c_str(), bytes.data()) == 1;
}

}  // namespace

int verify_peer(X509_STORE_CTX* store, void* /*unused*/) {
  auto* ssl = static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
  auto* check = ssl != nullptr ? static_cast<PeerCheck*>(SSL_get_ex_data(ssl, check_index())) : nullptr;
  if (check == nullptr) return 0;
  X509* leaf = X509_STORE_CTX_get0_cert(store);
  if (!check->chain) {
    const bool pinned = !check->fingerprint.empty() || !check->pins.empty();
    const bool fits = !pinned || pin_fits(leaf, *check);
    X509_STORE_CTX_set_error(store, fits ? X509_V_OK : X509_V_ERR_APPLICATION_VERIFICATION);
    return fits ? 1 : 0;
  }
  if (X509_verify_cert(store) == 1) return 1;
  check->refusal = explain(X509_STORE_CTX_get_error(store), leaf, store, check->host);
  return 0;
}

void expect_peer(SSL* ssl, PeerCheck& check) {
  SSL_set_ex_data(ssl, check_index(), &check);
  std::string host = check.host;
  if (host.ends_with('.')) host.pop_back();  // the root's dot is no part of a certificate's name
  const bool address = is_address(host);
  if (!address && !host.empty()) SSL_set_tlsext_host_name(ssl, host.c_str());
  if (!check.chain) return;
  if (host.empty())
    throw mail::Failure(mail::FailureKind::kConfiguration, mail::FailureScope::kAccount,
                        "TLS without a host name cannot be verified: set tls_options.fingerprint");
  X509_VERIFY_PARAM* expected = SSL_get0_param(ssl);
  X509_VERIFY_PARAM_set_hostflags(expected, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
  const int set = address ? X509_VERIFY_PARAM_set1_ip_asc(expected, host.c_str())
                          : X509_VERIFY_PARAM_set1_host(expected, host.c_str(), host.size());
  // Without the expectation any valid certificate would pass.
  if (set != 1)
    throw mail::Failure(mail::FailureKind::kConfiguration, mail::FailureScope::kAccount,
                        mail::printable(host, kMaxNameText) + ": not a host name that TLS can verify");
}

std::string fingerprint_of(X509* certificate) {
  unsigned char* der = nullptr;
  const int size = i2d_X509(certificate, &der);
  if (size <= 0) return {};
  const auto digest = mail::sha256({reinterpret_cast<const char*>(der), static_cast<std::size_t>(size)});
  OPENSSL_free(der);
  return mail::to_hex(digest);
}

std::string pin_of(X509* certificate) {
  unsigned char* der = nullptr;
  const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
  if (size <= 0) return {};
  const auto digest = mail::sha256({reinterpret_cast<const char*>(der), static_cast<std::size_t>(size)});
  OPENSSL_free(der);
  return mail::to_hex(digest);
}

namespace {

void add_name(std::vector<std::string>& names, const ASN1_STRING* text) {
  unsigned char* utf8 = nullptr;
  const int size = ASN1_STRING_to_UTF8(&utf8, text);
  if (size < 0) return;
  const std::string name(reinterpret_cast<const char*>(utf8), static_cast<std::size_t>(size));
  OPENSSL_free(utf8);
  const bool clean = std::none_of(name.begin(), name.end(), [](unsigned char c) { return c < 0x20 || c == 0x7F; });
  if (clean && !name.empty()) names.push_back(name);
}

}  // namespace

std::vector<std::string> client_names_of(SSL* ssl, ServerTlsSettings::ClientName kind) {
  std::vector<std::string> names;
  X509* peer = SSL_get0_peer_certificate(ssl);
  const bool verified = (SSL_get_verify_mode(ssl) & SSL_VERIFY_PEER) != 0 && SSL_get_verify_result(ssl) == X509_V_OK;
  if (peer == nullptr || !verified) return names;
  if (kind == ServerTlsSettings::ClientName::kCommonName) {
    X509_NAME* subject = X509_get_subject_name(peer);
    const int first = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    if (first < 0 || X509_NAME_get_index_by_NID(subject, NID_commonName, first) >= 0) return names;
    add_name(names, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, first)));
    return names;
  }
  auto* all = static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(peer, NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; i < sk_GENERAL_NAME_num(all); ++i)
    if (const GENERAL_NAME* name = sk_GENERAL_NAME_value(all, i); name->type == GEN_EMAIL)
      add_name(names, name->d.rfc822Name);
  GENERAL_NAMES_free(all);
  return names;
}

std::string end_point_of(SSL* ssl) {
  X509* shown = SSL_get_certificate(ssl);
  int digest_id = NID_undef;
  if (shown == nullptr || X509_get_signature_info(shown, &digest_id, nullptr, nullptr, nullptr) != 1) return {};
  if (digest_id == NID_md5 || digest_id == NID_sha1) digest_id = NID_sha256;
  const EVP_MD* digest = EVP_get_digestbynid(digest_id);
  std::array<unsigned char, EVP_MAX_MD_SIZE> octets;
  unsigned size = 0;
  if (digest == nullptr || X509_digest(shown, digest, octets.data(), &size) != 1) return {};
  return {reinterpret_cast<const char*>(octets.data()), size};
}

TlsFacts facts_of(SSL* ssl) {
  TlsFacts facts;
  facts.version = SSL_get_version(ssl);
  const char* cipher = SSL_get_cipher_name(ssl);
  facts.cipher = cipher != nullptr ? cipher : "";
  facts.resumed = SSL_session_reused(ssl) == 1;
  const unsigned char* protocol = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(ssl, &protocol, &size);
  facts.alpn = mail::printable({reinterpret_cast<const char*>(protocol), size}, kMaxNameText);
  X509* peer = SSL_get0_peer_certificate(ssl);
  if (peer == nullptr) return facts;
  facts.chain = chain_of(ssl);
  facts.peer_pin = "sha256:" + pin_of(peer);
  facts.peer_subject = name_text(X509_get_subject_name(peer));
  facts.peer_fingerprint = fingerprint_of(peer);
  facts.days_left = days_left(peer);
  return facts;
}

}  // namespace mailstead::net
