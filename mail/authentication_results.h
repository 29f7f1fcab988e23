// What a mail server found out about a message and wrote down: Authentication-Results (RFC 8601 §2.2).
//
// The field is an assertion of the server that it names, and anybody can write one: only a field that names a server
// of the user's own side says anything, and the caller has to know that name. Such a server takes away what others
// wrote in its name (§5); one that does not leaves those below its own.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mailstead::mail {

inline constexpr std::size_t kMaxAuthenticationResults = 100;  // of one field; what follows is not looked at

struct AuthenticationResult {
  std::string method;  // "spf", "dkim", "dmarc", …; lower case, without its version
  std::string result;  // "pass", "fail", "none", …; lower case
};

struct AuthenticationResults {
  std::string server;  // authserv-id, lower case
  std::vector<AuthenticationResult> results;
};

// Linear time, never throws. nullopt: no authserv-id, or a version other than 1. A result that cannot be read is left
// out, and the others stand; comments and quoted strings are read as such, so that nothing within them is a result.
[[nodiscard]] std::optional<AuthenticationResults> parse_authentication_results(std::string_view value);

}  // namespace mailstead::mail
