// APOP (RFC 1939 §7): the challenge in a greeting, and the answer to it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace mailstead::pop3 {

// The timestamp with its angle brackets, when it is an RFC 822 msg-id: printable ASCII, exactly one "@" with something
// on both sides. Others are refused, since chosen ones leak the password by MD5 collisions (CVE-2007-1558).
[[nodiscard]] std::optional<std::string_view> apop_challenge(std::string_view greeting) noexcept;

// Lower-case hex MD5 over challenge and password. Throws Failure(kConfiguration, kAccount) where MD5 is switched off.
[[nodiscard]] std::string apop_digest(std::string_view challenge, std::string_view password);

}  // namespace mailstead::pop3
