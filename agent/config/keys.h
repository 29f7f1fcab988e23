// The keys that each section of the configuration knows: what the loader accepts, what a suggestion is taken from, and
// what the JSON Schema is held against.
#pragma once

#include <map>
#include <string_view>
#include <vector>

namespace mailstead::agent {

// By section: "configuration", "account", "envelope", "tls_options", "timeouts", "secret", "after_fetch",
// "destination/mailbox", "destination/smtp", "destination/lmtp", "destination/maildir", "destination/mbox",
// "duplicates", "user", "listener", "status", "undelivered", "retry", "rate", "log".
[[nodiscard]] const std::map<std::string_view, std::vector<std::string_view>>& known_keys();
// Of a section whose keys are the user's.
inline const std::vector<std::string_view> kAnyKey{"*"};

}  // namespace mailstead::agent
