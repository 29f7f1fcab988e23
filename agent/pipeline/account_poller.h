// One account: its retriever, its polls and its state between them. Used by `poll` directly and by the scheduler.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "agent/config/config.h"
#include "agent/log.h"
#include "agent/pipeline/connection_budget.h"
#include "agent/pipeline/intake.h"
#include "agent/pipeline/poll_plan.h"
#include "connectors/retrieval.h"
#include "mail/clock.h"
#include "storage/store.h"

namespace mailstead::agent {

struct PollReport {
  IntakeCounts counts;
  std::uint64_t cleaned = 0, marked = 0;
  std::uint64_t copies = 0;  // of messages known from other folders of the account: not fetched
  bool more = false;
  bool again_soon = false;  // the rest behind a limit of the configuration follows at once
  std::vector<std::string> warnings;
  std::optional<mail::Failure> failure;
  std::chrono::milliseconds took{0};
  NextPoll next;
  unsigned failures = 0;  // in a row, this one included
};

[[nodiscard]] retrieval::AccountSettings settings_of(const AccountConfig& account);
// With a budget every connection that it opens is counted, and waits for its permit.
[[nodiscard]] std::unique_ptr<retrieval::Retriever> make_retriever(const AccountConfig& account,
                                                                   const std::string& remembered = {},
                                                                   ConnectionBudget* budget = nullptr);

// One thread at a time.
class AccountPoller {
 public:
  // `config` holds the account; both stay alive through the shared pointer. The rest must outlive it.
  AccountPoller(storage::Store& store, std::shared_ptr<const Config> config, const AccountConfig& account,
                const mail::Clock& clock, Log& log, ConnectionBudget* budget = nullptr);
  // With a retriever of the caller's.
  AccountPoller(storage::Store& store, std::shared_ptr<const Config> config, const AccountConfig& account,
                const mail::Clock& clock, Log& log, std::unique_ptr<retrieval::Retriever> retriever);

  // Never throws for the account's own trouble: that is in the report and in the account's stored state. A poll of some
  // folders only says nothing of when the account is due, unless it fails.
  [[nodiscard]] PollReport poll(const retrieval::PollOptions& options, retrieval::PollObserver& observer,
                                IntakeObserver* intake_observer, std::stop_token stop);

  // See retrieval::Retriever. A failure while waiting is logged and ends the waiting: nullopt.
  [[nodiscard]] std::optional<retrieval::Waiting> start_waiting(std::stop_token stop);
  [[nodiscard]] std::optional<retrieval::News> woken(std::stop_token stop);
  [[nodiscard]] std::optional<retrieval::News> verify(std::stop_token stop);
  [[nodiscard]] std::chrono::seconds waiting_limit() const;
  void disconnect() noexcept;

  // Another configuration in which this account is written as before.
  void renew(std::shared_ptr<const Config> config, const AccountConfig& account);

  // Waits for the user (wrong password) and the settings are still the same.
  [[nodiscard]] bool paused() const;
  [[nodiscard]] const AccountConfig& account() const noexcept { return *account_; }

 private:
  [[nodiscard]] std::optional<retrieval::News> look(retrieval::News (retrieval::Retriever::*how)(std::stop_token),
                                                    std::stop_token stop);
  void plan(PollReport& report, const PollEnd& end, bool whole);
  void record(const PollReport& report, mail::WallTime now, bool whole);

  storage::Store& store_;
  std::shared_ptr<const Config> config_;
  const AccountConfig* account_;
  const mail::Clock& clock_;
  Log& log_;
  std::unique_ptr<retrieval::Retriever> retriever_;
};

}  // namespace mailstead::agent
