// The options of `mailstead poll`, and which of them go together.
#pragma once

#include <string>
#include <vector>

#include "agent/commands/command.h"
#include "agent/control/poll_request.h"

namespace mailstead::agent {

struct PollArguments {
  std::vector<std::string> accounts, folders;
  bool dry_run = false, mark_retrieved = false, retry_skipped = false;
  std::uint32_t limit = 0;
  std::string since;
  bool json = false;

  void add_to(CLI::App& app);
  // Throws Refusal for accounts that do not exist and for what does not go together.
  [[nodiscard]] control::PollRequest request(const Config& config, mail::WallTime now) const;
};

// "2026-01-01" or "2026-01-01 08:30" (local time), or a duration before `now`: "30d". nullopt: neither.
[[nodiscard]] std::optional<mail::WallTime> parse_since(const std::string& text, mail::WallTime now);
// The account of that name; throws Refusal, with the names there are, when there is none.
[[nodiscard]] const AccountConfig& account_named(const Config& config, const std::string& name);

}  // namespace mailstead::agent
