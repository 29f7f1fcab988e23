// One account's place in the schedule: either parked (a ticket is out) or running (a task is submitted), never both.
//
// A wake may mean: a poll is due, a waiting connection spoke or must be renewed, the settings changed, the machine
// slept or its network is another one, another account needs the connection. take_up() tells which, under the lock;
// what follows on the wire runs without it; lay_down() parks again.
#pragma once

#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "agent/pipeline/account_poller.h"
#include "agent/pipeline/connection_budget.h"
#include "agent/pipeline/outside_watch.h"
#include "agent/pipeline/scheduler.h"
#include "agent/pipeline/trouble_log.h"

namespace mailstead::agent {

class Seat;

// What the seats share.
struct Schedule {
  storage::Store& store;
  const mail::Clock& clock;
  Log& log;
  net::ParkingLot& lot;
  net::WorkerPool& pool;
  RetrieverFactory make_retriever;
  ConnectionBudget budget;
  TroubleLog trouble;
  std::atomic<std::size_t> accounts = 0;

  std::mutex mutex;  // guards seats; taken before a Seat's own mutex
  std::map<std::string, std::shared_ptr<Seat>> seats;

  // Asks one account that only waits for news to give its connection to `place`. Without any lock held.
  void make_room(const ConnectionBudget::Place& place);
};

// Thread-safe.
class Seat : public std::enable_shared_from_this<Seat> {
 public:
  Seat(std::shared_ptr<Schedule> schedule, std::shared_ptr<const Config> config, const AccountConfig& account);

  // After a restart no account is signed in to with a password that is known to be wrong.
  void begin(std::chrono::milliseconds turn);
  // `named`: the user means this account, whatever its pause, hours or backoff; else only what may be polled. A poll
  // with options of its own (a limit, folders, …) comes at once and does not stand for the usual one.
  void poll_now(bool named, std::chrono::milliseconds turn, const retrieval::PollOptions& options);
  // An account whose settings are the same goes on as it is; another is polled under the new ones.
  void reconfigure(std::shared_ptr<const Config> config, const AccountConfig& account);
  void outside_changed(OutsideChange change, std::chrono::milliseconds turn);
  // False: it does not wait for news, or not where it would help.
  bool give_way(const ConnectionBudget::Place& place, ConnectionBudget::Bound bound);
  void end();
  [[nodiscard]] AccountFacts facts() const;

 private:
  enum class Errand { kNothing, kPoll, kAsked, kQueue, kLook, kVerify, kLeave, kEnd };

  void adopt(std::shared_ptr<const Config> config, const AccountConfig& account);
  void wake();
  void run(const std::stop_token& stop);
  [[nodiscard]] Errand take_up();
  void take_configuration();
  [[nodiscard]] Errand errand_now();
  void poll(const retrieval::PollOptions& options, const std::stop_token& stop);
  [[nodiscard]] retrieval::PollOptions next_asked();
  void settle(const PollReport& report, bool whole);
  void look(Errand errand, const std::stop_token& stop);
  void connection_lost();
  void lay_down(const std::stop_token& stop);
  bool start_waiting(const std::stop_token& stop);
  void park();
  void tell(const PollReport& report);
  [[nodiscard]] bool rests() const;  // skipped or paused
  [[nodiscard]] mail::SteadyTime due_at() const;
  [[nodiscard]] mail::SteadyTime next_look() const;
  void bring_forward(std::chrono::milliseconds turn);
  void notify();

  std::shared_ptr<Schedule> schedule_;

  mutable std::mutex mutex_;  // guards what follows; what is marked [run] belongs to the running task, else to the lock
  const AccountConfig* account_ = nullptr;           // [run]
  std::unique_ptr<AccountPoller> poller_, retired_;  // [run] retired: of the settings before
  std::optional<retrieval::Waiting> waiting_;        // connections wait for news
  mail::SteadyTime waiting_since_{}, rest_until_{};  // rest: the connections are not listened to before
  mail::SteadyTime next_poll_{}, safety_poll_{};     // safety: in place of the former while all folders are watched
  mail::SteadyTime not_before_{};                    // the server asked for it
  std::optional<mail::SteadyTime> verify_at_;
  net::ParkingLot::Ticket ticket_ = 0;
  std::shared_ptr<const Config> next_config_;
  const AccountConfig* next_account_ = nullptr;
  std::deque<retrieval::PollOptions> asked_;  // polls with options of their own, not yet begun
  std::string sign_in_digest_;
  unsigned failures_ = 0, fruitless_ = 0, short_waits_ = 0;
  bool paused_ = false, polling_ = false, polled_ = false, queued_ = false, give_way_ = false, deaf_ = false;
  bool running_ = false, again_ = false, removed_ = false;
};

}  // namespace mailstead::agent
