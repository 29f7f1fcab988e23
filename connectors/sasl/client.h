// The client side of SASL (RFC 4422) by GNU SASL; XOAUTH2 and OAUTHBEARER (RFC 7628) are ours.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

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
// result. Empty when nothing fits; `why` then says what was offered and what would help.
[[nodiscard]] std::vector<std::string> choose_mechanisms(std::span<const std::string> offered,
                                                         const Credentials& credentials, bool tls, bool login_command,
                                                         std::string& why);

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
};
[[nodiscard]] std::unique_ptr<ClientExchange> make_exchange(const std::string& mechanism,
                                                            const Credentials& credentials, std::string_view service,
                                                            std::string_view host);

}  // namespace mailstead::sasl
