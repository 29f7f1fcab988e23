// The one place that decides what a failure means: when to try again, when to wait for the user.
#pragma once

#include <chrono>

#include "agent/config/config.h"
#include "mail/failure.h"

namespace mailstead::agent {

// For an account whose poll failed `failures` times in a row (this one included).
struct AccountVerdict {
  std::chrono::seconds retry_in{0};
  std::chrono::seconds not_before{0};  // the server asked for it (Failure::retry_after, or in its words); 0: it did not
  bool pause = false;  // until the configuration changes or the user asks: trying again would only lock the account
};
[[nodiscard]] AccountVerdict judge_poll(const mail::Failure& failure, unsigned failures, std::chrono::seconds interval);

// When a delivery is tried again after so many attempts, by the policy's schedule, spread by up to a tenth so that the
// deliveries of an outage do not come back in one instant. `spread` is any number that differs between deliveries.
[[nodiscard]] std::chrono::seconds retry_delay(const RetryPolicy& policy, unsigned attempts, std::uint64_t spread);

// How long a destination is left alone after so many sessions in a row that failed: doubling, up to ten minutes, spread
// likewise.
[[nodiscard]] std::chrono::seconds rest_of_destination(unsigned failures, std::uint64_t spread);

// Failures of ours after which nothing may be begun any more: the disk or the database.
[[nodiscard]] bool stops_everything(const mail::Failure& failure) noexcept;

}  // namespace mailstead::agent
