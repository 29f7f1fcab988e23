// The readers of the single sections, one file each. All report what is wrong and return what they can: the whole is
// used only when nothing was wrong.
#pragma once

#include <cstdint>
#include <string>

#include "agent/config/config.h"
#include "agent/config/section.h"

namespace mailstead::agent {

// What a protocol has by default: ports by TlsMode, its name in TLS.
struct Ports {
  std::uint16_t implicit, other_starttls, other_none;
  const char* alpn;  // RFC 7301; SMTP has none
  [[nodiscard]] constexpr std::uint16_t of(net::TlsMode mode) const noexcept {
    if (mode == net::TlsMode::kImplicit) return implicit;
    return mode == net::TlsMode::kStartTls ? other_starttls : other_none;
  }
};
inline constexpr Ports kImapPorts{993, 143, 143, "imap"};
inline constexpr Ports kPop3Ports{995, 110, 110, "pop3"};
inline constexpr Ports kSmtpPorts{465, 587, 25, ""};
inline constexpr Ports kLmtpPorts{24, 24, 24, ""};  // IANA's is unassigned; what servers' manuals take

// host, port, tls, tls_options, timeouts (endpoint_section.cpp, tls_section.cpp) and the way there: proxy, tunnel,
// socket, source_address (route_section.cpp). Without "tls" it is implicit, but STARTTLS on a port that is known for it
// (143, 110, 587, 25), both of which demand TLS; none through a tunnel or a socket.
void read_endpoint(Section& section, const Ports& ports, net::Endpoint& endpoint);
// `alpn`: what the protocol offers, unless "alpn" is false.
[[nodiscard]] net::TlsSettings read_tls_options(Section section, const std::string& alpn);
[[nodiscard]] bool is_loopback(const std::string& host);
// One of host, socket and tunnel must be there.
void read_route(Section& section, net::Endpoint& endpoint);
[[nodiscard]] std::optional<net::Proxy> read_proxy(Section& parent);
[[nodiscard]] net::Timeouts read_timeouts(Section section);
// What is wrong with a host name, and how to mend it; both "" when nothing is.
[[nodiscard]] std::pair<std::string, std::string> fault_of_host(const std::string& host);

// user, password, auth, allow_cleartext (sign_in_section.cpp).
enum class SignInUse { kImap, kPop3, kSmtp };
struct SecretPlace {
  std::string& origin;
  std::string& file;
  std::string& mark;
};
void read_sign_in(Section& section, const net::Endpoint& endpoint, SignInUse use, sasl::Credentials& credentials,
                  SecretPlace place);

// envelope (envelope_section.cpp).
[[nodiscard]] mail::EnvelopeSource read_envelope(Section section);

// A folder's name that begins with a backslash must be a special use (RFC 6154, 8457).
void check_special_use(Section& section, std::string_view key, const std::string& name);

[[nodiscard]] AccountConfig read_account(const std::string& name, Section section);
// Picks the kind of section by "type" itself.
// `retry`: of destinations without one of their own.
[[nodiscard]] DestinationConfig read_destination(const std::string& name, const nlohmann::json& value,
                                                 const std::string& pointer, const RetryPolicy& retry,
                                                 Reading& reading);
// rspamd or spamassassin (spam_section.cpp).
[[nodiscard]] SpamFilterConfig read_spam_filter(const std::string& name, const nlohmann::json& value,
                                                const std::string& pointer, Reading& reading);
// url, allow_cleartext, tls_options of a web server; nullopt after a fault of the URL. `what`: is to be found there.
[[nodiscard]] std::optional<http::Url> read_web_server(Section& section, const std::string& what,
                                                       net::Endpoint& endpoint);
// url, format, secret, headers … of a web service (webhook_section.cpp).
void read_webhook(Section& section, DestinationConfig& made);
// retry_section.cpp.
void read_retry(Section& section, RetryPolicy& retry);
void read_rate(Section& section, RateLimit& rate);
// command, shell, timeout, user (program_section.cpp).
void read_program(Section& section, std::chrono::seconds usual_timeout, mail::ProgramSettings& made);
[[nodiscard]] ListenerConfig read_listener(const std::string& name, Section section);
// "HOST:PORT" or "[IPv6]:PORT"; what is wrong with it, or "".
[[nodiscard]] std::string fault_of_address(const std::string& address);
void check_listeners(const Config& config, Section& root);

// poll, poll_when, skip (schedule_section.cpp); idle, idle_connections, idle_renewal of IMAP.
void read_schedule(Section& section, AccountConfig& account);
void read_idle(Section& section, AccountConfig& account);
void read_limits(Section& section, ConnectionLimits& limits);

// data_dir, host_name, search_index, duplicates, status, undelivered, retry, limits, log (general_section.cpp).
void read_general(Section& root, Config& config);
// default_destination, redirect_destination, users of destinations, whose Undelivered (routing_section.cpp); the rules.
void read_routing(Section& root, Config& config);
void read_rules(Section& root, Config& config);

// A name of an account, destination or user: printable, no blanks at the ends, no "/", at most 64 octets.
[[nodiscard]] std::string fault_of_name(const std::string& name);

}  // namespace mailstead::agent
