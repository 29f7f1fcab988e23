// What needs a person's attention: accounts that bring nothing any more, messages that a server does not hand over,
// deliveries that wait too long. What `status` marks and `status --check` tells a monitor. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent/config/config.h"
#include "storage/accounts.h"
#include "storage/ledger.h"
#include "storage/queue.h"

namespace mailstead::agent {

inline constexpr std::chrono::hours kSilentFor{24};     // without a success, or …
inline constexpr int kSilentPolls = 10;                 // … so many intervals, whichever is longer
inline constexpr std::chrono::hours kDeliveryWait{24};  // in the queue

// How long an account may go without a success before that is told.
[[nodiscard]] std::chrono::seconds silence_limit(const AccountConfig& account,
                                                 std::optional<std::chrono::seconds> asked = std::nullopt);
// "" when the account is well; else what is wrong with it, printable, without its name.
[[nodiscard]] std::string trouble_of(const AccountConfig& account, const std::optional<storage::AccountState>& state,
                                     mail::WallTime now, std::optional<std::chrono::seconds> silent_for = std::nullopt);
// "INBOX, UID 7, tried 3 times: …".
[[nodiscard]] std::string text_of(const storage::Trouble& trouble);

struct HealthFacts {
  const Config& config;
  std::vector<storage::AccountState> states;
  std::vector<storage::Trouble> stepped_over;  // of all accounts
  std::vector<storage::QueuedDelivery> queue;
};

// One line per trouble, worst first within its account, accounts by name, then the queue. Empty: all is well.
[[nodiscard]] std::vector<std::string> troubles_of(const HealthFacts& facts, mail::WallTime now,
                                                   std::optional<std::chrono::seconds> silent_for = std::nullopt);

}  // namespace mailstead::agent
