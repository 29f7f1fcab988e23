// The status line of a POP3 reply (RFC 1939 §3), with its response code (RFC 2449 §8).
#pragma once

#include <optional>
#include <string_view>

namespace mailstead::pop3 {

enum class ReplyKind {
  kOk,            // +OK
  kError,         // -ERR
  kContinuation,  // "+ base64" inside AUTH (RFC 5034 §4)
};

// Views into the parsed line.
struct Reply {
  ReplyKind kind = ReplyKind::kOk;
  std::string_view code;  // without brackets, as written: "IN-USE", "SYS/TEMP"; empty without one
  std::string_view text;  // what follows, code excluded; the challenge of a continuation

  [[nodiscard]] bool ok() const noexcept { return kind == ReplyKind::kOk; }
  // Whether the response code is `name` or a sub-code of it ("SYS" covers "SYS/TEMP"); ASCII case-insensitive.
  [[nodiscard]] bool has_code(std::string_view name) const noexcept;
};

// `line` is without its line end. nullopt: no POP3 reply at all.
[[nodiscard]] std::optional<Reply> parse_reply(std::string_view line) noexcept;

}  // namespace mailstead::pop3
