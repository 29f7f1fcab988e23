// An http or https URL (RFC 9110 §4.2), taken apart.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace mailstead::http {

struct Url {
  bool tls = true;
  std::string host;  // an IPv6 address without its brackets
  std::uint16_t port = 443;
  std::string target = "/";  // path and query, as they go on the wire

  // For the Host field: without the port where it is the scheme's own.
  [[nodiscard]] std::string authority() const;
};

// `why` says what is wrong where there is no result: a user or password in it, a fragment, blanks, another scheme …
[[nodiscard]] bool parse_url(std::string_view text, Url& url, std::string& why);

}  // namespace mailstead::http
