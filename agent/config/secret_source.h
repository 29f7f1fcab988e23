// Where a password comes from, and fetching it when it is asked for: a string in the configuration, {"file"}, {"env"},
// {"command"}, {"credential"} (systemd), {"netrc": true}. What is wrong is said in words that name the place, never the
// content.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/config/section.h"
#include "mail/secret.h"

namespace mailstead::agent {

inline constexpr std::size_t kMaxSecretBytes = 64 * 1024;
inline constexpr std::chrono::seconds kSecretCommandTime{30};

struct SecretSource {
  std::function<mail::Secret()> fetch;  // throws Failure(kConfiguration, kAccount); empty: there is none
  std::string origin;                   // "file /etc/mailstead/work.secret"
  std::string file;                     // the file, when it is one
  std::string mark;                     // of a written one: sixteen bits, enough to see that it changed
};

// The value of `key` ("password"). `host` and `user` are what netrc is asked for.
[[nodiscard]] SecretSource read_secret(Section& section, std::string_view key, const std::string& host,
                                       const std::string& user);

// The pieces, each of which throws Failure(kConfiguration, kAccount).
[[nodiscard]] mail::Secret secret_of_file(const std::string& path);
[[nodiscard]] mail::Secret secret_of_variable(const std::string& name);
[[nodiscard]] mail::Secret secret_of_credential(const std::string& name);
// First line of what the program writes; no shell, a process group of its own, killed after `time`.
[[nodiscard]] mail::Secret secret_of_command(const std::vector<std::string>& command, std::chrono::seconds time);
// $NETRC or ~/.netrc, which others must not be able to read. `user` "" takes the first entry of the host.
[[nodiscard]] mail::Secret secret_of_netrc(const std::string& host, const std::string& user);

// The first line without its end; throws when it is empty or has a NUL. `origin` names it.
[[nodiscard]] mail::Secret first_line(std::string text, const std::string& origin);

[[noreturn]] void fail_secret(const std::string& text);

}  // namespace mailstead::agent
