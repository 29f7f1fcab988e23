// What a POP3 client may send, and what we send back: command lines, and the round trip of a message through
// dot-stuffing.
#include <cstdint>
#include <string>

#include "connectors/pop3/codec/command_line.h"
#include "connectors/pop3/codec/dot_decoder.h"
#include "connectors/pop3/codec/dot_encoder.h"
#include "connectors/pop3/codec/number.h"
#include "mail/limits.h"

using namespace mailstead::pop3;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  for (std::string_view left = input; !left.empty();) {
    TakenLine taken = take_line(left, mailstead::mail::kMaxLoginLine);
    if (taken.state != TakenLine::State::kLine) break;
    CommandLine command = parse_command(taken.line);
    if (command.verb.size() > 16 || taken.consumed > left.size()) __builtin_trap();
    std::string_view word = take_word(command.argument);
    (void)parse_message_number(word);
    left.remove_prefix(taken.consumed);
  }
  // Whatever the message, the terminator is the only one; canonical mail comes back bit for bit.
  DotEncoder encoder;
  std::string wire, body;
  encoder.encode(input.substr(0, size / 2), wire);
  encoder.encode(input.substr(size / 2), wire);
  encoder.finish(wire);
  DotDecoder decoder;
  if (decoder.feed(wire, [&](std::string_view part) { body += part; }) != wire.size() || !decoder.done())
    __builtin_trap();
  bool dot_behind_bare_lf = false;
  for (std::size_t i = 1; i < size; ++i) {
    if (input[i] == '.' && input[i - 1] == '\n' && (i < 2 || input[i - 2] != '\r')) dot_behind_bare_lf = true;
  }
  if (!dot_behind_bare_lf && !body.starts_with(input)) __builtin_trap();
  return 0;
}
