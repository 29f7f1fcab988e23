// "listeners": the ports of our own servers, by name: imap, imaps, pop3, pop3s.
#include "agent/config/names.h"
#include "agent/config/sections.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>

namespace mailstead::agent {
namespace {

constexpr std::array<std::string_view, 4> kNames = {"imap", "imaps", "pop3", "pop3s"};

constexpr std::array<std::pair<std::string_view, net::ServerTlsSettings::ClientName>, 2> kClientNames = {
    {{"cn", net::ServerTlsSettings::ClientName::kCommonName}, {"email", net::ServerTlsSettings::ClientName::kEmail}}};

net::TlsMode default_tls(const std::string& name, const Section& section) {
  if (name.ends_with('s')) return net::TlsMode::kImplicit;
  return section.has("certificate") ? net::TlsMode::kStartTls : net::TlsMode::kNone;
}

}  // namespace

std::string fault_of_address(const std::string& address) {
  auto colon = address.rfind(':');
  std::string host = address.substr(0, colon);
  bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (colon == std::string::npos || host.empty() || (host.find(':') != std::string::npos && !bracketed))
    return in_quotes(address) + " is not HOST:PORT";
  unsigned port = 0;
  const char* begin = address.data() + colon + 1;
  const char* end = address.data() + address.size();
  auto [stop, error] = std::from_chars(begin, end, port);
  if (error != std::errc() || stop != end || port > 65535) return in_quotes(address) + " has no port from 0 to 65535";
  return {};
}

ListenerConfig read_listener(const std::string& name, Section section) {
  ListenerConfig made;
  made.name = name;
  if (std::find(kNames.begin(), kNames.end(), name) == kNames.end())
    section.fault({}, in_quotes(name) + " is not one of imap, imaps, pop3, pop3s", suggestion(name, kNames));
  made.service = name.starts_with("pop") ? ListenerConfig::Service::kPop3 : ListenerConfig::Service::kImap;
  if (section.require("address", R"(such as "127.0.0.1:1143")")) {
    made.address = section.text("address").value_or("");
    if (std::string fault = fault_of_address(made.address); !made.address.empty() && !fault.empty())
      section.fault("address", fault, R"(such as "127.0.0.1:1143" or "[::1]:1143")");
  }
  made.tls = section.choice("tls", kTlsModes).value_or(default_tls(name, section));
  made.own_certificate = section.text("certificate") == "auto";  // a file of that name is "./auto"
  if (!made.own_certificate) made.certificate = section.path("certificate").value_or("");
  made.key = section.path("key").value_or("");
  bool wants_certificate = made.tls != net::TlsMode::kNone;
  if (made.own_certificate && section.has("key"))
    section.fault("key", "without effect: our own certificate has a key of its own");
  for (std::string_view key : {"certificate", "key"}) {
    if (wants_certificate && !section.has(key) && !made.own_certificate)
      section.fault({}, in_quotes(key) + " is missing: TLS needs a certificate and its key");
    if (!wants_certificate && section.has(key))
      section.fault(key, "without effect: \"tls\" is \"none\"", "take starttls, or leave it out");
  }
  made.client_ca = section.path("client_ca").value_or("");
  made.client_name = section.choice("client_user", kClientNames).value_or(made.client_name);
  if (section.has("client_ca") && !wants_certificate)
    section.fault("client_ca", "without effect: \"tls\" is \"none\"", "take starttls, or leave it out");
  if (section.has("client_user") && !section.has("client_ca"))
    section.fault("client_user", "without effect: there is no \"client_ca\"");
  made.max_connections = section.count("max_connections", 1, 100'000).value_or(made.max_connections);
  made.max_connections_per_address =
      section.count("max_connections_per_address", 1, 100'000).value_or(made.max_connections_per_address);
  made.max_connections_per_user =
      section.count("max_connections_per_user", 1, 100'000).value_or(made.max_connections_per_user);
  return made;
}

void check_listeners(const Config& config, Section& root) {
  std::map<std::string, std::string> taken;  // address → pointer
  auto take = [&](const std::string& address, const std::string& pointer) {
    if (address.empty() || address.ends_with(":0")) return;
    auto [first, fresh] = taken.emplace(address, pointer);
    if (!fresh)
      root.reading().faults.push_back(
          {pointer + "/address", in_quotes(address) + " is the address of " + first->second + ", too", {}});
  };
  for (const auto& [name, listener] : config.listeners) take(listener.address, "/listeners/" + name);
  take(config.status_address, "/status");
}

}  // namespace mailstead::agent
