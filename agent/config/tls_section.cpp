// "tls_options": what a server's certificate is held against, and our own.
#include "agent/config/sections.h"
#include "mail/ascii.h"
#include "mail/transfer_encoding.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace mailstead::agent {
namespace {

constexpr std::array<std::pair<std::string_view, std::string_view>, 2> kVersions = {{{"1.2", "1.2"}, {"1.3", "1.3"}}};

// 64 hexadecimal digits, colons between them allowed, as openssl x509 -fingerprint -sha256 prints them.
bool is_fingerprint(const std::string& text) {
  std::size_t digits = 0;
  for (char c : text) {
    if (c == ':') continue;
    if (mail::hex_value(c) < 0) return false;
    ++digits;
  }
  return digits == 64;
}

// As net::normalized_pin() takes it.
bool is_pin(const std::string& text) {
  constexpr std::string_view kScheme = "sha256:";
  if (!text.starts_with(kScheme)) return false;
  const std::string digits = text.substr(kScheme.size());
  if (digits.size() == 44) return mail::decode_base64(digits).value_or("").size() == 32;
  return digits.size() == 64 && is_fingerprint(digits);
}

}  // namespace

net::TlsSettings read_tls_options(Section section, const std::string& alpn) {
  net::TlsSettings made;
  if (section.flag("alpn").value_or(true)) made.alpn = alpn;
  made.ca_file = section.path("ca_file").value_or("");
  made.certificate = section.path("certificate").value_or("");
  made.key = section.path("key").value_or("");
  made.fingerprint = section.text("fingerprint").value_or("");
  made.pins = section.texts("pin");
  for (const std::string& pin : made.pins)
    if (!is_pin(pin))
      section.fault(
          "pin", in_quotes(pin) + " is no pin of a public key",
          "\"sha256:\" and 64 hexadecimal or 44 base64 digits; mailstead check --connect prints it as \"key\"");
  made.min_version = section.choice("min_version", kVersions).value_or(kVersions[0].second);
  made.verify = section.flag("verify").value_or(true);
  made.insecure = section.flag("insecure").value_or(false);
  if (!made.fingerprint.empty() && !is_fingerprint(made.fingerprint))
    section.fault("fingerprint", "a SHA-256 fingerprint has 64 hexadecimal digits",
                  "openssl x509 -noout -fingerprint -sha256 prints it");
  if (!made.verify && made.fingerprint.empty() && made.pins.empty() && !made.insecure)
    section.fault("verify", "false needs \"fingerprint\" or \"pin\", or \"insecure\": true",
                  "without either anyone between could read everything");
  if (section.has("certificate") != section.has("key"))
    section.fault(section.has("key") ? "key" : "certificate",
                  "a client certificate needs both \"certificate\" and \"key\"");
  return made;
}

}  // namespace mailstead::agent
