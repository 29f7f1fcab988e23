// What a session's client turned on (ENABLE, RFC 5161), or implied by using it.
#pragma once

#include <string_view>

namespace mailstead::imap {

struct Enabled {
  // By capability, in any case. The name as it is to be told; "" when it is none that can be turned on.
  [[nodiscard]] std::string_view turn_on(std::string_view /*capability*/) noexcept { return {}; }
};

}  // namespace mailstead::imap
