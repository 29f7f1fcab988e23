// Where a server is and how to speak with it: host, port, tls, timeouts.
#include "agent/config/names.h"
#include "agent/config/sections.h"
#include "mail/ascii.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace mailstead::agent {
namespace {

using namespace std::chrono_literals;

bool is_starttls_port(std::uint64_t port) noexcept {
  return port == 143 || port == 110 || port == 587 || port == 25;
}

}  // namespace

net::Timeouts read_timeouts(Section section) {
  net::Timeouts made;
  for (auto [key, value] :
       {std::pair("connect", &made.connect), std::pair("greeting", &made.greeting), std::pair("command", &made.command),
        std::pair("answer", &made.answer), std::pair("total", &made.total)})
    *value = section.duration(key, 1s, 24h).value_or(*value);
  return made;
}

bool is_loopback(const std::string& host) {
  std::string name = mail::lowered(host);
  bool is_v4 = name.starts_with("127.") && name.find_first_not_of("0123456789.") == std::string::npos;
  return is_v4 || name == "::1" || name == "[::1]" || name == "localhost" || name.ends_with(".localhost");
}

std::pair<std::string, std::string> fault_of_host(const std::string& host) {
  if (host.find("://") != std::string::npos)
    return {in_quotes(host) + " is a URL", "write the host name alone, and \"port\" and \"tls\" beside it"};
  if (std::any_of(host.begin(), host.end(), mail::is_blank) || host.find('/') != std::string::npos ||
      host.find('@') != std::string::npos || host.starts_with('-'))
    return {in_quotes(host) + " is no host name", ""};
  const auto colon = host.find(':');
  if (colon != std::string::npos && host.find(':', colon + 1) == std::string::npos)
    return {in_quotes(host) + " has a port in it", "write \"port\" beside \"host\""};
  if (host.size() > 253) return {"a host name has at most 253 octets", ""};
  return {};
}

void read_endpoint(Section& section, const Ports& ports, net::Endpoint& endpoint) {
  if (auto host = section.text("host")) {
    if (auto [what, hint] = fault_of_host(*host); !what.empty()) section.fault("host", what, hint);
    endpoint.host = *host;
  }
  read_route(section, endpoint);
  auto port = section.count("port", 1, 65535);
  net::TlsMode usual = net::TlsMode::kImplicit;
  if (port && is_starttls_port(*port)) usual = net::TlsMode::kStartTls;
  if (endpoint.is_private_line()) usual = net::TlsMode::kNone;
  endpoint.tls = section.choice("tls", kTlsModes).value_or(usual);
  endpoint.port = static_cast<std::uint16_t>(port.value_or(ports.of(endpoint.tls)));
  endpoint.tls_settings.alpn = ports.alpn;
  if (const auto* options = section.find("tls_options")) {
    endpoint.tls_settings =
        read_tls_options({*options, section.pointer_to("tls_options"), "tls_options", section.reading()}, ports.alpn);
    if (endpoint.tls == net::TlsMode::kNone && (section.has("tls") || endpoint.is_private_line()))
      section.fault("tls_options", "without effect: \"tls\" is \"none\"", "leave one of the two out");
  }
  const net::TlsSettings& tls = endpoint.tls_settings;
  if (endpoint.tls != net::TlsMode::kNone && endpoint.is_private_line() && endpoint.host.empty() &&
      tls.fingerprint.empty() && tls.pins.empty() && !tls.insecure)
    section.fault("tls", "without a \"host\" the server's certificate cannot be verified",
                  "write the host that it is for, or \"tls\": \"none\"");
  if (const auto* timeouts = section.find("timeouts"))
    endpoint.timeouts = read_timeouts({*timeouts, section.pointer_to("timeouts"), "timeouts", section.reading()});
}

}  // namespace mailstead::agent
