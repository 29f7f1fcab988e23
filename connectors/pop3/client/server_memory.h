// What is remembered of a server between processes, as one opaque word list.
#pragma once

#include <string>
#include <string_view>

namespace mailstead::pop3 {

struct ServerMemory {
  // Sessions in a row in which the server hung or closed the connection on CAPA. From two on it is not asked again.
  unsigned capa_failures = 0;

  [[nodiscard]] bool asks_capabilities() const noexcept { return capa_failures < 2; }
  [[nodiscard]] std::string encode() const;
  [[nodiscard]] static ServerMemory decode(std::string_view text);  // unknown words are ignored
};

}  // namespace mailstead::pop3
