#include "connectors/pop3/client/server_memory.h"

#include <algorithm>

#include "connectors/pop3/codec/number.h"

namespace mailstead::pop3 {
namespace {
constexpr std::string_view kCapaFailures = "capa-failures=";
}  // namespace

std::string ServerMemory::encode() const {
  return capa_failures == 0 ? std::string() : std::string(kCapaFailures) + std::to_string(capa_failures);
}

ServerMemory ServerMemory::decode(std::string_view text) {
  ServerMemory memory;
  while (!text.empty()) {
    std::string_view word = take_word(text);
    if (!word.starts_with(kCapaFailures)) continue;
    auto count = parse_number(word.substr(kCapaFailures.size())).value_or(0);
    memory.capa_failures = static_cast<unsigned>(std::min<std::uint64_t>(count, 2));
  }
  return memory;
}

}  // namespace mailstead::pop3
