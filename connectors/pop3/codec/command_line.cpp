#include "connectors/pop3/codec/command_line.h"

#include <algorithm>
#include <cstring>

namespace mailstead::pop3 {

CommandLine parse_command(std::string_view line) {
  constexpr std::size_t kMaxVerb = 16;
  CommandLine command;
  std::size_t blank = std::min(line.find(' '), line.size());
  if (blank > kMaxVerb) return command;
  command.verb = line.substr(0, blank);
  for (char& c : command.verb) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  if (blank < line.size()) command.argument = line.substr(blank + 1);
  return command;
}

TakenLine take_line(std::string_view input, std::size_t limit) noexcept {
  using State = TakenLine::State;
  const void* found = input.empty() ? nullptr : std::memchr(input.data(), '\n', std::min(input.size(), limit));
  if (found == nullptr) return {input.size() >= limit ? State::kTooLong : State::kIncomplete, {}, 0};
  auto line_feed = static_cast<std::size_t>(static_cast<const char*>(found) - input.data());
  std::string_view line = input.substr(0, line_feed);
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  return {State::kLine, line, line_feed + 1};
}

}  // namespace mailstead::pop3
