// The client side of SASL (RFC 4422) by GNU SASL; XOAUTH2 and OAUTHBEARER (RFC 7628) are ours.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/channel_binding.h"
#include "mail/secret.h"

namespace mailstead::sasl {

// How an account or destination signs in. Copies share the secret source.
struct Credentials {
  std::string user;
  std::function<mail::Secret()> password;  // asked at each sign-in; may throw Failure(kConfiguration). Empty: none
  std::string mechanism = "auto";          // lower case: auto, plain, login, cram-md5, scram-sha-256, …
  bool allow_cleartext = false;            // a password in the clear without TLS
};

// Mechanism names (upper case) to try, strongest first, out of those offered and allowed by the credentials: no
// password in the clear (PLAIN, LOGIN) without TLS unless allow_cleartext or a loopback/Unix peer; CRAM-MD5 without TLS
// likewise. `login_command`: the protocol's own LOGIN or USER/PASS is available as a last resort, named "" in the
// result. "auto" is SCRAM with channel binding (when the connection has one), SCRAM, CRAM-MD5, PLAIN, LOGIN; a SCRAM
// that is asked for by name is bound, too, where it can be. Empty when nothing fits; `why` then says what was offered
// and what would help.
[[nodiscard]] std::vector<std::string> choose_mechanisms(std::span<const std::string> offered,
                                                         const Credentials& credentials, bool tls, bool login_command,
                                                         std::string& why, bool can_bind = false);

// Whether the mechanism shows the server the password or a token. None such is tried after the server broke off or
// spoiled one that does not.
[[nodiscard]] bool shows_password(std::string_view mechanism);

// What make_exchange() is to be given for the mechanism: the connection's binding for -PLUS; without -PLUS only if the
// server offered no such mechanism, which it is then told.
[[nodiscard]] std::optional<connectors::ChannelBinding> binding_for(
    const std::string& mechanism, std::span<const std::string> offered,
    const std::optional<connectors::ChannelBinding>& channel);

// One exchange. The caller does the base64 and the line protocol.
class ClientExchange {
 public:
  virtual ~ClientExchange() = default;
  // Whether the client speaks first (an initial response, RFC 4422 §4.3.a).
  [[nodiscard]] virtual bool client_first() const noexcept = 0;
  // The answer to a challenge ("" for the initial one). Throws Failure(kAuthentication, kAccount) when the server's
  // challenge is refused (wrong signature, iterations out of bounds, oversized): the caller sends "*".
  [[nodiscard]] virtual std::string step(std::string_view challenge) = 0;
  // Whether the mechanism has ended on our side (SCRAM: the server's signature was verified).
  [[nodiscard]] virtual bool complete() const noexcept = 0;
  // Why the server refused, where it says so within the exchange (RFC 7628 §3.2.2); printable, or "".
  [[nodiscard]] virtual std::string server_words() const { return {}; }
};
[[nodiscard]] std::unique_ptr<ClientExchange> make_exchange(
    const std::string& mechanism, const Credentials& credentials, std::string_view service, std::string_view host,
    const std::optional<connectors::ChannelBinding>& binding = std::nullopt);

}  // namespace mailstead::sasl
