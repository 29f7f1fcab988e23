// By which way a server is reached: "proxy", "tunnel", "socket", "source_address".
#include "agent/config/secret_source.h"
#include "agent/config/sections.h"
#include "mail/ascii.h"

#include <arpa/inet.h>
#include <nlohmann/json.hpp>

#include <charconv>

namespace mailstead::agent {
namespace {

using Kind = net::Proxy::Kind;

constexpr std::string_view kProxyForm = "write it as socks5://HOST:PORT or http://HOST:PORT";
constexpr std::size_t kMaxSocketPath = 107;  // sockaddr_un

std::optional<Kind> kind_of(std::string_view scheme) {
  if (scheme == "socks5" || scheme == "socks5h") return Kind::kSocks5;
  if (scheme == "http") return Kind::kHttp;
  return std::nullopt;
}

// "socks5://proxy.example.org:1080"; reports at `key`.
std::optional<net::Proxy> read_proxy_url(Section& section, std::string_view key) {
  auto text = section.text(key);
  if (!text) return std::nullopt;
  const auto scheme_end = text->find("://");
  const auto kind = kind_of(mail::lowered(text->substr(0, scheme_end == std::string::npos ? 0 : scheme_end)));
  if (!kind) {
    section.fault(key, in_quotes(*text) + " is no proxy that is known", std::string(kProxyForm));
    return std::nullopt;
  }
  std::string rest = text->substr(scheme_end + 3);
  if (rest.ends_with('/')) rest.pop_back();
  if (rest.find('@') != std::string::npos) {
    section.fault(key, "a user or password has no place in the URL",
                  R"(write {"url": …, "user": …, "password": …} instead)");
    return std::nullopt;
  }
  const auto colon = rest.rfind(':');
  const bool has_port = colon != std::string::npos && rest.find(']', colon) == std::string::npos;
  net::Proxy proxy;
  proxy.kind = *kind;
  proxy.host = rest.substr(0, has_port ? colon : std::string::npos);
  const char* begin = rest.data() + (has_port ? colon + 1 : rest.size());
  const auto [end, error] = std::from_chars(begin, rest.data() + rest.size(), proxy.port);
  if (error != std::errc() || end != rest.data() + rest.size() || proxy.port == 0) {
    section.fault(key, in_quotes(*text) + " has no port", std::string(kProxyForm));
    return std::nullopt;
  }
  if (proxy.host.size() > 2 && proxy.host.front() == '[' && proxy.host.back() == ']')
    proxy.host = proxy.host.substr(1, proxy.host.size() - 2);
  if (proxy.host.empty() || !fault_of_host(proxy.host).first.empty()) {
    section.fault(key, in_quotes(proxy.host) + " is no host name", std::string(kProxyForm));
    return std::nullopt;
  }
  return proxy;
}

}  // namespace

std::optional<net::Proxy> read_proxy(Section& parent) {
  const auto* value = parent.find("proxy");
  if (value == nullptr) return std::nullopt;
  if (!value->is_object()) return read_proxy_url(parent, "proxy");
  Section section(*value, parent.pointer_to("proxy"), "proxy", parent.reading());
  if (!section.require("url", std::string(kProxyForm))) return std::nullopt;
  auto proxy = read_proxy_url(section, "url");
  const std::string user = section.text("user").value_or("");
  SecretSource secret = read_secret(section, "password", proxy ? proxy->host : "", user);
  if (section.has("user") != section.has("password"))
    section.fault({}, "a proxy's sign-in needs both \"user\" and \"password\"");
  if (user.find(':') != std::string::npos && proxy && proxy->kind == Kind::kHttp)
    section.fault("user", "a user name for an HTTP proxy has no colon in it");
  if (proxy) {
    proxy->user = user;
    proxy->password = secret.fetch;
    proxy->password_origin = secret.origin + secret.mark;
  }
  return proxy;
}

namespace {

void check_tunnel(Section& section, const std::vector<std::string>& command) {
  for (const std::string& argument : command)
    for (std::size_t i = argument.find('%'); i != std::string::npos; i = argument.find('%', i + 2))
      if (i + 1 == argument.size() || std::string_view("hp%").find(argument[i + 1]) == std::string_view::npos)
        return section.fault("tunnel", in_quotes(argument) + ": a \"%\" must be followed by h, p or %",
                             "%h is the host, %p the port, %% a percent sign");
}

bool is_address(const std::string& text) {
  std::array<unsigned char, sizeof(in6_addr)> bytes;
  return ::inet_pton(AF_INET, text.c_str(), bytes.data()) == 1 ||
         ::inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1;
}

void refuse_together(Section& section, std::string_view key, std::initializer_list<std::string_view> others) {
  if (!section.has(key)) return;
  for (std::string_view other : others)
    if (section.has(other))
      section.fault(other, "without effect beside \"" + std::string(key) + "\"", "leave one of the two out");
}

}  // namespace

void read_route(Section& section, net::Endpoint& endpoint) {
  endpoint.proxy = read_proxy(section);
  if (section.has("tunnel")) {
    endpoint.tunnel = section.texts("tunnel");
    check_tunnel(section, endpoint.tunnel);
  }
  endpoint.unix_socket = section.path("socket").value_or("");
  if (endpoint.unix_socket.size() > kMaxSocketPath)
    section.fault("socket", "the path of a socket has at most 107 octets");
  endpoint.source_address = section.text("source_address").value_or("");
  if (!endpoint.source_address.empty() && !is_address(endpoint.source_address))
    section.fault("source_address", in_quotes(endpoint.source_address) + " is no IP address",
                  "write an address of this machine, such as 192.0.2.7");
  refuse_together(section, "tunnel", {"socket", "proxy", "source_address"});
  refuse_together(section, "socket", {"proxy", "source_address", "port"});
  if (!section.has("tunnel") && !section.has("socket")) section.require("host", "or \"socket\", or \"tunnel\"");
}

}  // namespace mailstead::agent
