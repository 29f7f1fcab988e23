// What a server says of when to come again, in its own words: Microsoft's "Suggested Backoff Time", Gmail's bandwidth
// limits, the response codes of RFC 5530 and RFC 3206, "try again in 10 minutes".
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace mailstead::agent {

inline constexpr std::chrono::hours kLongestHint{24};  // a server that asks for more is asked again then

// nullopt: it says nothing. From one second to kLongestHint.
[[nodiscard]] std::optional<std::chrono::seconds> backoff_hint(std::string_view words);

}  // namespace mailstead::agent
