// A destination that is a web service: "url", "format", "secret", "headers".
#include "agent/config/secret_source.h"
#include "agent/config/sections.h"
#include "connectors/http/url.h"
#include "mail/ascii.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace mailstead::agent {
namespace {

constexpr std::array<std::pair<std::string_view, http::WebhookFormat>, 3> kFormats = {
    {{"json", http::WebhookFormat::kJson},
     {"raw", http::WebhookFormat::kRaw},
     {"notice", http::WebhookFormat::kNotice}}};
// What the request's own frame is made of.
constexpr std::array<std::string_view, 6> kOurs = {"host",       "content-length", "transfer-encoding",
                                                   "connection", "content-type",   "idempotency-key"};

constexpr std::array<std::string_view, 8> kSecretWords = {"auth",   "key",      "token",      "secret",
                                                          "cookie", "password", "credential", "signature"};

// RFC 9110 §5.6.2
bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return mail::is_letter(c) || mail::is_digit(c) ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  });
}

// Of which a written value must not lie in a file that others can read.
bool holds_secret(const std::string& lowered) {
  return std::any_of(kSecretWords.begin(), kSecretWords.end(),
                     [&](std::string_view word) { return lowered.find(word) != std::string::npos; });
}

void read_headers(Section& section, DestinationConfig& made) {
  const auto* value = section.find("headers");
  if (value == nullptr) return;
  if (!value->is_object())
    return section.fault("headers", "must be an object", R"(such as {"Authorization": {"file": …}})");
  Section headers(*value, section.pointer_to("headers"), "headers", section.reading());
  for (const auto& [name, written] : value->items()) {
    const std::string lowered = mail::lowered(name);
    if (!is_token(name)) headers.fault(name, in_quotes(name) + " is no name of a header field");
    if (std::find(kOurs.begin(), kOurs.end(), lowered) != kOurs.end() || lowered.starts_with("x-mailstead-"))
      headers.fault(name, in_quotes(name) + " is written by Mailstead itself");
    if (written.is_string() && !holds_secret(lowered)) {
      if (const auto text = headers.text(name)) made.headers.emplace_back(name, [text] { return mail::Secret(*text); });
    } else if (const SecretSource source = read_secret(headers, name, made.endpoint.host, ""); source.fetch) {
      made.headers.emplace_back(name, source.fetch);
    }
  }
}

}  // namespace

std::optional<http::Url> read_web_server(Section& section, const std::string& what, net::Endpoint& endpoint) {
  endpoint.tls_settings.alpn = "http/1.1";
  if (const auto* options = section.find("tls_options"))
    endpoint.tls_settings =
        read_tls_options({*options, section.pointer_to("tls_options"), "tls_options", section.reading()}, "http/1.1");
  const bool may_be_clear = section.flag("allow_cleartext").value_or(false);
  if (!section.require("url", what)) return std::nullopt;
  const auto text = section.text("url");
  if (!text) return std::nullopt;
  http::Url url;
  std::string why;
  if (!http::parse_url(*text, url, why)) {
    section.fault("url", "is no URL: " + why, "such as https://example.org/mail");
    return std::nullopt;
  }
  if (!url.tls && !is_loopback(url.host) && !may_be_clear)
    section.fault("url", "by http:// everybody on the way can read the mail",
                  R"(write https://, or "allow_cleartext": true)");
  if (!url.tls && section.has("tls_options"))
    section.fault("tls_options", "without effect: the URL begins with http://", "leave one of the two out");
  endpoint.host = url.host;
  endpoint.port = url.port;
  endpoint.tls = url.tls ? net::TlsMode::kImplicit : net::TlsMode::kNone;
  return url;
}

void read_webhook(Section& section, DestinationConfig& made) {
  if (read_web_server(section, "where the messages are sent", made.endpoint)) made.url = *section.text("url");
  made.format = section.choice("format", kFormats).value_or(made.format);
  if (section.has("secret")) made.signature = read_secret(section, "secret", made.endpoint.host, "").fetch;
  read_headers(section, made);
  if (const auto* timeouts = section.find("timeouts"))
    made.endpoint.timeouts = read_timeouts({*timeouts, section.pointer_to("timeouts"), "timeouts", section.reading()});
  made.endpoint.proxy = read_proxy(section);
}

}  // namespace mailstead::agent
