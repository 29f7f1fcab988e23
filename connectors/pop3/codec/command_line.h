// A command as a POP3 client sends it (RFC 1939 §3): a keyword of three or four letters, perhaps arguments.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace mailstead::pop3 {

inline constexpr std::size_t kMaxCommand = 512;  // octets with CRLF; RFC 2449 §4 asks for 255

struct CommandLine {
  std::string verb;           // upper case, at most 16 octets (longer: empty, no such command)
  std::string_view argument;  // everything behind the first blank, as it is (passwords have blanks); view into the line
};
[[nodiscard]] CommandLine parse_command(std::string_view line);

struct TakenLine {
  enum class State { kLine, kIncomplete, kTooLong };
  State state = State::kIncomplete;
  std::string_view line;     // without CRLF or LF; view into the input
  std::size_t consumed = 0;  // with the line end
};
// The first line of `input`. kTooLong: more than `limit` octets without an end.
[[nodiscard]] TakenLine take_line(std::string_view input, std::size_t limit) noexcept;

}  // namespace mailstead::pop3
