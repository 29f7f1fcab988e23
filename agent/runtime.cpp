#include "agent/runtime.h"

#include "agent/control/requests.h"
#include "agent/control/socket.h"
#include "agent/crash_note.h"
#include "agent/delivery/dispatcher.h"
#include "agent/pipeline/outside_watch.h"
#include "agent/pipeline/scheduler.h"
#include "agent/version.h"
#include "connectors/net/parking_lot.h"
#include "connectors/net/worker_pool.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <unistd.h>

#include <algorithm>
#include <mutex>

namespace mailstead::agent {

namespace {

// Threads do not grow with accounts or clients (promise 6); a poll that waits for a slow server holds one of these.
constexpr std::size_t kMaxPollWorkers = 64;
constexpr std::size_t kDeliveryWorkers = 8;
constexpr std::size_t kServingWorkers = 4;
constexpr std::chrono::minutes kTidyInterval{10};

std::size_t poll_workers(const Config& config) {
  return std::clamp<std::size_t>(config.accounts.size(), 4, kMaxPollWorkers);
}

storage::StoreOptions store_options(const Config& config) {
  storage::StoreOptions options;
  options.data_dir = config.data_dir;
  return options;
}

}  // namespace

struct Runtime::State {
  State(std::shared_ptr<const Config> config_in, Log& log_in)
      : log(log_in),
        config(std::move(config_in)),
        store(storage::open_store(store_options(*config))),
        started(clock.wall()),
        next_tidy(clock.steady() + kTidyInterval) {}

  Log& log;
  mail::SystemClock clock;
  std::mutex mutex;  // guards config
  std::shared_ptr<const Config> config;
  std::unique_ptr<storage::Store> store;
  const mail::WallTime started;
  mail::SteadyTime next_tidy;

  std::function<void(const std::string&)> on_error = [this](const std::string& text) { log.error(text); };
  net::ParkingLot lot;
  net::WorkerPool polling{"poll", poll_workers(*config), on_error};
  net::WorkerPool delivering{"deliver", kDeliveryWorkers, on_error};
  net::WorkerPool serving{"serve", kServingWorkers, on_error};
  Servers servers{*store, clock, log, lot, serving};
  Dispatcher dispatcher{*store, clock, log, lot, delivering};
  Scheduler scheduler{*store, clock, log, lot, polling};
  std::unique_ptr<OutsideWatch> outside;
  std::unique_ptr<control::Socket> control;

  void outside_changed(OutsideChange change) {
    log.info(change == OutsideChange::kClockSet ? "the clock was set"
             : change == OutsideChange::kSlept  ? "the machine slept: all accounts are looked at"
                                                : "the network is another one: all accounts are looked at");
    scheduler.outside_changed(change);
  }

  nlohmann::json answer(const nlohmann::json& request) {
    std::shared_ptr<const Config> current;
    {
      std::lock_guard lock(mutex);
      current = config;
    }
    const control::Room room{*store,
                             clock,
                             [this](const std::string& account, const retrieval::PollOptions& options) {
                               return scheduler.poll_now(account, options);
                             },
                             [this] { dispatcher.kick(); },
                             [this](nlohmann::json& facts) { describe(facts); },
                             [this](const std::string& user, const std::optional<std::string>& app_password) {
                               servers.end_sessions(user, app_password);
                             },
                             std::move(current)};
    return control::handle(request, room);
  }

  void describe(nlohmann::json& facts) {
    facts["version"] = kVersion;
    facts["pid"] = ::getpid();
    facts["uptime_seconds"] = (clock.wall() - started).count();
    facts["listeners"] = nlohmann::json::array();
    for (const auto& listener : servers.facts())
      facts["listeners"].push_back({{"name", listener.name},
                                    {"address", listener.address},
                                    {"tls", listener.tls},
                                    {"connections", listener.connections}});
    if (const storage::SearchIndex* index = store->search_index()) {
      const storage::SearchIndex::Facts known = index->facts();
      facts["search_index"] = {{"covered_through", known.covered_through}, {"trouble", known.trouble}};
    }
    facts["accounts"] = nlohmann::json::array();
    for (const auto& account : scheduler.facts()) {
      nlohmann::json one{{"account", account.account},
                         {"state", name_of(account.state)},
                         {"connections", account.connections},
                         {"folders", account.folders},
                         {"reason", account.reason}};
      if (account.next_poll) one["next_poll_in"] = account.next_poll->count();
      facts["accounts"].push_back(std::move(one));
    }
  }
};

Runtime::Runtime(std::shared_ptr<const Config> config, Log& log)
    : state_(std::make_unique<State>(std::move(config), log)) {
  State& state = *state_;
  heed_crash_notes(*state.store, state.config->data_dir, state.clock, log);
  leave_crash_notes(state.config->data_dir);
  if (state.config->search_index) state.store->keep_search_index();
  state.servers.apply(*state.config);
  state.control = std::make_unique<control::Socket>(
      state.config->data_dir, [&state](const nlohmann::json& request) { return state.answer(request); }, state.lot,
      state.serving);
  state.dispatcher.apply(state.config);
  state.scheduler.apply(state.config);
  state.outside =
      std::make_unique<OutsideWatch>(state.lot, [&state](OutsideChange change) { state.outside_changed(change); });
}

Runtime::~Runtime() {
  State& state = *state_;
  state.control.reset();
  state.outside.reset();
  state.scheduler.stop();
  state.dispatcher.stop();
  state.servers.stop();
  state.polling.stop();
  state.delivering.stop();
  state.serving.stop();
  state.lot.stop();
}

void Runtime::reload(std::shared_ptr<const Config> config) {
  State& state = *state_;
  {
    std::lock_guard lock(state.mutex);
    if (config->data_dir != state.config->data_dir)
      throw mail::Failure(mail::FailureKind::kConfiguration, mail::FailureScope::kProcess,
                          "data_dir cannot change while the agent runs: restart it");
  }
  if (config->search_index) state.store->keep_search_index();
  state.servers.apply(*config);
  state.dispatcher.apply(config);
  state.scheduler.apply(config);
  std::lock_guard lock(state.mutex);
  state.config = std::move(config);
}

void Runtime::poll_now() {
  state_->scheduler.poll_now();
}

void Runtime::tick() {
  State& state = *state_;
  if (state.servers.uses_due()) state.polling.submit([&state](const std::stop_token&) { state.servers.write_uses(); });
  if (state.clock.steady() < state.next_tidy) return;
  state.next_tidy = state.clock.steady() + kTidyInterval;
  state.polling.submit([&state](const std::stop_token&) { state.store->tidy(state.clock.wall()); });
}

std::vector<ListenerFacts> Runtime::listeners() const {
  return state_->servers.facts();
}

storage::Store& Runtime::store() {
  return *state_->store;
}

}  // namespace mailstead::agent
