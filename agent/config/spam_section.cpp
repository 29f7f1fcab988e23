// "spam_filters": who can be asked by the test "spam". rspamd over HTTP, SpamAssassin's spamd.
#include "agent/config/names.h"
#include "agent/config/secret_source.h"
#include "agent/config/sections.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace mailstead::agent {
namespace {

using namespace std::chrono_literals;
using Type = SpamFilterConfig::Type;
using mail::operator""_MiB;

constexpr std::array<std::pair<std::string_view, Type>, 2> kTypes = {
    {{"rspamd", Type::kRspamd}, {"spamassassin", Type::kSpamAssassin}}};
constexpr mail::ByteCount kSpamcLargest = 500UL * 1024;  // what spamc takes by default
constexpr Ports kSpamdPorts{783, 783, 783, ""};

void read_rspamd(Section& section, SpamFilterConfig& made) {
  made.largest = 10_MiB;
  if (section.has("socket")) {
    made.endpoint.unix_socket = section.path("socket").value_or("");
    made.endpoint.tls = net::TlsMode::kNone;
    if (section.has("url")) section.fault("url", "there is a \"socket\", too", "leave one of the two out");
  } else if (const auto url =
                 read_web_server(section, "where rspamd is, such as http://127.0.0.1:11333", made.endpoint)) {
    made.authority = url->authority();
    if (url->target != "/") made.target = url->target;
  }
  if (section.has("password")) made.password = read_secret(section, "password", made.endpoint.host, "").fetch;
}

void read_spamassassin(Section& section, SpamFilterConfig& made) {
  made.largest = kSpamcLargest;
  read_endpoint(section, kSpamdPorts, made.endpoint);
  if (!section.has("tls")) made.endpoint.tls = net::TlsMode::kNone;
  if (!section.has("tls") && section.has("tls_options"))
    section.fault("tls_options", "without effect: there is no \"tls\"", "write \"tls\": \"implicit\"");
  if (made.endpoint.tls == net::TlsMode::kStartTls) section.fault("tls", "spamd has no STARTTLS", "write \"implicit\"");
  const bool may_be_clear = section.flag("allow_cleartext").value_or(false);
  if (made.endpoint.tls == net::TlsMode::kNone && !made.endpoint.host.empty() && !made.endpoint.is_private_line() &&
      !is_loopback(made.endpoint.host) && !may_be_clear)
    section.fault("tls", "without TLS everybody on the way can read the mail",
                  R"(write "tls": "implicit", or "allow_cleartext": true)");
  made.user = section.text("user").value_or("");
}

// A key of its own, so that the others are judged as those of the right type.
std::optional<Type> read_type(const nlohmann::json& value, const std::string& pointer, Reading& reading) {
  nlohmann::json only_type = nlohmann::json::object();
  if (value.is_object() && value.contains("type")) only_type["type"] = value["type"];
  Section section(value.is_object() ? only_type : value, pointer, "spam_filter/rspamd", reading);
  if (!value.is_object() || !section.require("type", "rspamd or spamassassin")) return std::nullopt;
  return section.choice("type", kTypes);
}

}  // namespace

SpamFilterConfig read_spam_filter(const std::string& name, const nlohmann::json& value, const std::string& pointer,
                                  Reading& reading) {
  SpamFilterConfig made;
  made.name = name;
  const auto type = read_type(value, pointer, reading);
  if (!type) return made;
  made.type = *type;
  const bool is_rspamd = made.type == Type::kRspamd;
  Section section(value, pointer, is_rspamd ? "spam_filter/rspamd" : "spam_filter/spamassassin", reading);
  (is_rspamd ? read_rspamd : read_spamassassin)(section, made);
  made.timeout = section.duration("timeout", 1s, 10min).value_or(made.timeout);
  made.largest = section.size("skip_larger_than").value_or(made.largest);
  made.endpoint.timeouts.connect = std::min(made.endpoint.timeouts.connect, made.timeout);
  return made;
}

}  // namespace mailstead::agent
