// Where a server is and how to speak with it: host, port, tls, timeouts.
#include "agent/config/names.h"
#include "agent/config/sections.h"
#include "mail/ascii.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace mailstead::agent {
namespace {

using namespace std::chrono_literals;

void check_host(Section& section, const std::string& host) {
  if (host.find("://") != std::string::npos) {
    section.fault("host", in_quotes(host) + " is a URL",
                  "write the host name alone, and \"port\" and \"tls\" beside it");
  } else if (std::any_of(host.begin(), host.end(), mail::is_blank) || host.find('/') != std::string::npos ||
             host.find('@') != std::string::npos) {
    section.fault("host", in_quotes(host) + " is no host name");
  } else if (auto colon = host.find(':');
             colon != std::string::npos && host.find(':', colon + 1) == std::string::npos) {
    section.fault("host", in_quotes(host) + " has a port in it", "write \"port\" beside \"host\"");
  } else if (host.size() > 253) {
    section.fault("host", "a host name has at most 253 octets");
  }
}

bool is_starttls_port(std::uint64_t port) noexcept {
  return port == 143 || port == 110 || port == 587 || port == 25;
}

net::Timeouts read_timeouts(Section section) {
  net::Timeouts made;
  for (auto [key, value] : {std::pair("connect", &made.connect), std::pair("greeting", &made.greeting),
                            std::pair("command", &made.command), std::pair("total", &made.total)})
    *value = section.duration(key, 1s, 24h).value_or(*value);
  return made;
}

}  // namespace

bool is_loopback(const std::string& host) {
  std::string name = mail::lowered(host);
  bool is_v4 = name.starts_with("127.") && name.find_first_not_of("0123456789.") == std::string::npos;
  return is_v4 || name == "::1" || name == "[::1]" || name == "localhost" || name.ends_with(".localhost");
}

void read_endpoint(Section& section, const Ports& ports, net::Endpoint& endpoint) {
  if (auto host = section.text("host")) {
    check_host(section, *host);
    endpoint.host = *host;
  }
  auto port = section.count("port", 1, 65535);
  bool by_port = !section.has("tls") && port && is_starttls_port(*port);
  endpoint.tls = section.choice("tls", kTlsModes).value_or(by_port ? net::TlsMode::kStartTls : net::TlsMode::kImplicit);
  endpoint.port = static_cast<std::uint16_t>(port.value_or(ports.of(endpoint.tls)));
  if (const auto* options = section.find("tls_options")) {
    endpoint.tls_settings =
        read_tls_options({*options, section.pointer_to("tls_options"), "tls_options", section.reading()});
    if (endpoint.tls == net::TlsMode::kNone && section.has("tls"))
      section.fault("tls_options", "without effect: \"tls\" is \"none\"", "leave one of the two out");
  }
  if (const auto* timeouts = section.find("timeouts"))
    endpoint.timeouts = read_timeouts({*timeouts, section.pointer_to("timeouts"), "timeouts", section.reading()});
}

}  // namespace mailstead::agent
