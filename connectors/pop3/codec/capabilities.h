// What a POP3 server announces in its CAPA reply (RFC 2449 §5, 3206 §5, 6856 §2).
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mailstead::pop3 {

struct Capabilities {
  bool known = false;  // the server answered CAPA, now or in an earlier session
  bool stls = false, pipelining = false, uidl = false, top = false, user = false;
  bool response_codes = false;        // RESP-CODES
  bool authentication_codes = false;  // AUTH-RESP-CODE: without [AUTH] a refusal says nothing of the password
  bool utf8 = false;                  // UTF8: the command may be sent before the sign-in
  // Between two sign-ins; 0: not announced. At most kLongestLoginDelay is believed.
  std::chrono::seconds login_delay{0};
  // EXPIRE: days that the server keeps a message after it was retrieved; 0: none. nullopt: for ever, or not announced.
  std::optional<std::uint32_t> expire_days;
  std::vector<std::string> mechanisms;  // of SASL, upper case, as ordered by the server
  std::vector<std::string> lines;       // as announced, printable, for people

  // One line of the reply. At most 200 are kept; the rest is ignored.
  void add(std::string_view line);
};

inline constexpr std::chrono::hours kLongestLoginDelay{24};

}  // namespace mailstead::pop3
