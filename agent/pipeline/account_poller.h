// One account: its retriever, its polls and its state between them. Used by `poll` directly and by the scheduler.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "agent/config/config.h"
#include "agent/log.h"
#include "agent/pipeline/intake.h"
#include "connectors/retrieval.h"
#include "mail/clock.h"
#include "storage/store.h"

namespace mailstead::agent {

struct PollReport {
  IntakeCounts counts;
  std::uint64_t cleaned = 0;
  bool more = false;
  std::vector<std::string> warnings;
  std::optional<mail::Failure> failure;
  std::chrono::milliseconds took{0};
  std::chrono::seconds next_in{0};  // when the account is due again
  bool paused = false;
};

[[nodiscard]] retrieval::AccountSettings settings_of(const AccountConfig& account);
[[nodiscard]] std::unique_ptr<retrieval::Retriever> make_retriever(const AccountConfig& account,
                                                                   const std::string& remembered = {});

// One thread at a time.
class AccountPoller {
 public:
  // `config` holds the account; both stay alive through the shared pointer. The rest must outlive it.
  AccountPoller(storage::Store& store, std::shared_ptr<const Config> config, const AccountConfig& account,
                const mail::Clock& clock, Log& log);

  // Never throws for the account's own trouble: that is in the report and in the account's stored state.
  [[nodiscard]] PollReport poll(const retrieval::PollOptions& options, retrieval::PollObserver& observer,
                                IntakeObserver* intake_observer, std::stop_token stop);

  // See retrieval::Retriever. A failure while waiting is logged and ends the waiting: nullopt / true (poll, which
  // redials).
  [[nodiscard]] std::optional<int> start_waiting(std::stop_token stop);
  [[nodiscard]] bool woken(std::stop_token stop);
  [[nodiscard]] std::chrono::seconds waiting_limit() const;
  void disconnect() noexcept;

  // Waits for the user (wrong password) and the settings are still the same.
  [[nodiscard]] bool paused() const;
  [[nodiscard]] const AccountConfig& account() const noexcept { return account_; }

 private:
  void record(const PollReport& report, mail::WallTime now);

  storage::Store& store_;
  std::shared_ptr<const Config> config_;
  const AccountConfig& account_;
  const mail::Clock& clock_;
  Log& log_;
  std::unique_ptr<retrieval::Retriever> retriever_;
};

}  // namespace mailstead::agent
