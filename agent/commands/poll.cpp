// mailstead poll: one poll of the named (or all) accounts, deliveries attempted once, then exit.
#include "agent/commands/command.h"
#include "agent/commands/list.h"
#include "agent/commands/poll_arguments.h"
#include "agent/commands/progress.h"
#include "agent/commands/signals.h"
#include "agent/commands/table.h"
#include "agent/control/requests.h"
#include "agent/control/socket.h"
#include "agent/crash_note.h"
#include "agent/delivery/dispatcher.h"
#include "agent/pipeline/account_poller.h"
#include "agent/pipeline/connection_budget.h"
#include "connectors/net/parking_lot.h"
#include "connectors/net/worker_pool.h"
#include "mail/escape.h"
#include "mail/units.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <unistd.h>

#include <atomic>
#include <csignal>

namespace mailstead::agent {

namespace {

constexpr std::size_t kMaxPollWorkers = 64;
constexpr std::size_t kDeliveryWorkers = 8;

// Lists what a dry run would fetch.
class DryRunObserver final : public retrieval::PollObserver {
 public:
  void would_fetch(const retrieval::Incoming& message) override { messages.push_back(message); }
  std::vector<retrieval::Incoming> messages;
};

struct AccountRun {
  const AccountConfig* account = nullptr;
  std::shared_ptr<AccountProgress> progress;
  DryRunObserver dry;
  PollReport report;
};

std::string result_line(const PollReport& report) {
  if (report.failure) return report.failure->text();
  const auto& counts = report.counts;
  std::string text = fmt::format("{} new", counts.accepted);
  if (report.copies > 0) text += fmt::format(", {} known from other folders", report.copies);
  if (counts.duplicates > 0) text += ", " + counted(counts.duplicates, "duplicate");
  if (counts.skipped > 0) text += fmt::format(", {} skipped", counts.skipped);
  if (report.cleaned > 0) text += fmt::format(", {} cleaned up at the source", report.cleaned);
  if (counts.bytes > 0) {
    const double seconds = std::max(0.001, static_cast<double>(report.took.count()) / 1000.0);
    text += fmt::format(", {} in {:.2f} s ({}/s)", mail::format_size(counts.bytes), seconds,
                        mail::format_size(static_cast<mail::ByteCount>(static_cast<double>(counts.bytes) / seconds)));
  }
  if (report.more) text += ", more are waiting";
  return text;
}

std::string mark_line(const PollReport& report) {
  return report.marked == 0 ? "nothing was there that is not retrieved yet"
                            : counted(report.marked, "message") + (report.marked == 1 ? " counts" : " count") +
                                  " as retrieved from now on; nothing was fetched";
}

// POP3 accounts have no folders: with --folder only the others are meant.
bool is_meant(const AccountConfig& account, const control::PollRequest& request) {
  return !account.skip && (request.options.folders.empty() || account.protocol != Protocol::kPop3);
}

std::vector<AccountRun> chosen_accounts(const Config& config, const control::PollRequest& request) {
  std::vector<AccountRun> runs;
  auto add = [&](const AccountConfig& account) {
    AccountRun run;
    run.account = &account;
    run.progress = std::make_shared<AccountProgress>(account.name);
    runs.push_back(std::move(run));
  };
  for (const auto& name : request.accounts) add(account_named(config, name));
  if (request.accounts.empty())
    for (const auto& [name, account] : config.accounts)
      if (is_meant(account, request)) add(account);
  return runs;
}

nlohmann::json to_json(const AccountRun& run) {
  const auto& report = run.report;
  nlohmann::json line{{"account", run.account->name},
                      {"new", report.counts.accepted},
                      {"duplicates", report.counts.duplicates},
                      {"copies", report.copies},
                      {"skipped", report.counts.skipped},
                      {"cleaned", report.cleaned},
                      {"bytes", report.counts.bytes},
                      {"milliseconds", report.took.count()},
                      {"more", report.more},
                      {"warnings", report.warnings},
                      {"marked", report.marked}};
  if (report.failure) line["error"] = report.failure->text();
  for (const auto& message : run.dry.messages)
    line["would_fetch"].push_back({{"folder", message.source.folder},
                                   {"uid", message.source.uid},
                                   {"uidl", mail::printable(message.source.uidl)},
                                   {"size", message.size_hint},
                                   {"arrived", message.internal_date.time_since_epoch().count()}});
  return line;
}

void print_dry_run(const std::vector<AccountRun>& runs) {
  Table table({"ACCOUNT", "FOLDER", "UID", "SIZE", "ARRIVED"});
  std::uint64_t messages = 0;
  mail::ByteCount bytes = 0;
  for (const auto& run : runs)
    for (const auto& message : run.dry.messages) {
      const bool by_uid = message.source.uidl.empty();
      table.row({run.account->name, mail::printable(message.source.folder),
                 by_uid ? std::to_string(message.source.uid) : mail::printable(message.source.uidl),
                 mail::format_size(message.size_hint), by_uid ? local_time(message.internal_date) : "-"});
      ++messages;
      bytes += message.size_hint;
    }
  if (table.empty())
    fmt::print("nothing would be fetched\n");
  else
    fmt::print("{}{}, {} would be fetched\n", table.text(), counted(messages, "message"), mail::format_size(bytes));
}

std::string asked_for(const control::PollRequest& request) {
  const auto& options = request.options;
  std::string text = options.mark_retrieved ? "take all that is there for retrieved" : "poll now";
  if (options.limit > 0) text += fmt::format(", at most {} of each account", counted(options.limit, "message"));
  if (!options.folders.empty()) text += fmt::format(", only from {}", fmt::join(options.folders, ", "));
  if (options.since) text += fmt::format(", only what arrived since {}", local_time(options.since));
  if (request.retry_skipped) text += ", what was skipped too";
  return text;
}

// A running agent holds the data directory: it is asked to poll instead.
int poll_by_agent(const Config& config, control::PollRequest request, bool as_json,
                  const storage::DataDirectoryHeld& held) {
  if (!request.options.folders.empty() && request.accounts.empty())
    for (const auto& [name, account] : config.accounts)
      if (is_meant(account, request)) request.accounts.push_back(name);
  const auto answer = control::ask(config.data_dir, control::to_json(request));
  if (!answer) throw held;
  if (!answer->value("ok", false)) {
    complain("", answer->value("error", "refused"));
    return kSomethingFailed;
  }
  if (as_json)
    fmt::print("{}\n", nlohmann::json{{"asked_running_agent", true}}.dump());
  else
    fmt::print("the running agent was asked to {}; see: mailstead status\n", mail::printable(asked_for(request)));
  return kDone;
}

class PollCommand {
 public:
  PollCommand(std::shared_ptr<const Config> config, const control::PollRequest& request, bool as_json)
      : config_(std::move(config)),
        request_(request),
        as_json_(as_json),
        log_(quiet(config_->log)),
        admission_(config_->limits),
        budget_(config_->limits),
        runs_(chosen_accounts(*config_, request)) {}

  int run(storage::Store& store) {
    heed_crash_notes(store, config_->data_dir, clock_, log_);
    leave_crash_notes(config_->data_dir);
    if (request_.retry_skipped) forget_skipped(store);
    net::ParkingLot lot;
    net::WorkerPool polling("poll", std::clamp<std::size_t>(runs_.size(), 1, kMaxPollWorkers));
    poll_all(store, polling);
    DispatchCounts delivered;
    if (!request_.options.dry_run && !stop_.stop_requested()) {
      delivered = deliver_all(store, lot);
      store.tidy(clock_.wall());
    }
    print(delivered);
    const bool failed =
        std::any_of(runs_.begin(), runs_.end(), [](const AccountRun& run) { return run.report.failure.has_value(); });
    return failed || delivered.deferred + delivered.failed > 0 ? kSomethingFailed : kDone;
  }

 private:
  // The table tells what the log would; warnings and errors of deliveries are still worth a line.
  static LogConfig quiet(LogConfig log) {
    if (log.level == LogConfig::Level::kInfo) log.level = LogConfig::Level::kWarning;
    return log;
  }

  // This thread only waits: for the polls to end, and for the signal that ends them early.
  void poll_all(storage::Store& store, net::WorkerPool& pool) {
    std::vector<std::shared_ptr<AccountProgress>> bars;
    for (auto& run : runs_) bars.push_back(run.progress);
    ProgressPainter painter(bars, ::isatty(STDERR_FILENO) == 1 && !as_json_ && !request_.options.dry_run);
    std::atomic<std::size_t> left = runs_.size();
    for (auto& run : runs_)
      pool.submit([&](const std::stop_token&) {
        poll_one(store, run);
        --left;
        wake_waiting_thread();
      });
    wait_until([&] { return left == 0; });
  }

  DispatchCounts deliver_all(storage::Store& store, net::ParkingLot& lot) {
    net::WorkerPool delivering("deliver", kDeliveryWorkers);
    Dispatcher dispatcher(store, clock_, log_, lot, delivering);
    DispatchCounts counts;
    std::atomic<bool> done = false;
    std::jthread runner([&] {
      try {
        counts = dispatcher.run_once(config_, stop_.get_token());
      } catch (const mail::Failure& failure) {
        complain(failure);
        ++counts.deferred;
      }
      done = true;
      wake_waiting_thread();
    });
    wait_until([&] {
      if (stop_.stop_requested()) delivering.stop();
      return done.load();
    });
    runner.join();
    return counts;
  }

  static void wake_waiting_thread() { ::kill(::getpid(), SIGUSR1); }

  void wait_until(const std::function<bool()>& done) {
    while (!done()) {
      const int signal = next_signal(std::chrono::milliseconds(200));
      if (signal != SIGTERM && signal != SIGINT) continue;
      stop_.request_stop();
      let_second_signal_kill();
    }
  }

  // Begins only once the limits leave room for its first connection, however long the others take: a wait within the
  // dialling would end as a failure to connect.
  void poll_one(storage::Store& store, AccountRun& run) {
    ConnectionBudget::Permit admitted;
    try {
      admitted =
          admission_.take(ConnectionBudget::place_of(*run.account), {mail::SteadyTime::max(), stop_.get_token()});
    } catch (const mail::Failure& failure) {
      run.report.failure = failure;
      run.progress->finished(line_of(run.report));
      return;
    }
    AccountPoller poller(store, config_, *run.account, clock_, log_, &budget_);
    retrieval::PollObserver& observer =
        request_.options.dry_run ? static_cast<retrieval::PollObserver&>(run.dry) : *run.progress;
    run.report = poller.poll(request_.options, observer, run.progress.get(), stop_.get_token());
    poller.disconnect();
    run.progress->finished(line_of(run.report));
  }

  [[nodiscard]] std::string line_of(const PollReport& report) const {
    return request_.options.mark_retrieved && !report.failure ? mark_line(report) : result_line(report);
  }

  void forget_skipped(storage::Store& store) const {
    std::vector<std::string> names;
    for (const auto& run : runs_) names.push_back(run.account->name);
    control::forget_skipped(store, std::move(names));
  }

  void print(const DispatchCounts& delivered) const {
    if (as_json_) {
      nlohmann::json all{{"accounts", nlohmann::json::array()},
                         {"delivered", delivered.delivered},
                         {"deferred", delivered.deferred},
                         {"returned", delivered.failed}};
      for (const auto& run : runs_) all["accounts"].push_back(to_json(run));
      fmt::print("{}\n", all.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
      return;
    }
    for (const auto& run : runs_) {
      for (const auto& warning : run.report.warnings) complain(run.account->name, warning);
      if (run.report.failure) complain(run.account->name, run.report.failure->text());
    }
    if (request_.options.dry_run) {
      print_dry_run(runs_);
      return;
    }
    for (const auto& run : runs_)
      if (!run.report.failure) fmt::print("{}: {}\n", run.account->name, line_of(run.report));
    if (delivered.delivered + delivered.deferred + delivered.failed > 0)
      fmt::print("deliveries: {} done, {} to be tried again, {} returned to Undelivered\n", delivered.delivered,
                 delivered.deferred, delivered.failed);
  }

  std::shared_ptr<const Config> config_;
  const control::PollRequest& request_;
  const bool as_json_;
  mail::SystemClock clock_;
  Log log_;
  ConnectionBudget admission_;  // of polls; each holds at least one connection
  ConnectionBudget budget_;     // of connections
  std::vector<AccountRun> runs_;
  std::stop_source stop_;
};

}  // namespace

std::function<int()> add_poll(CLI::App& app, const GlobalOptions& options) {
  auto arguments = std::make_shared<PollArguments>();
  arguments->add_to(app);
  return [&options, arguments] {
    block_signals();
    const auto config = load(options);
    const auto request = arguments->request(*config, mail::SystemClock().wall());
    PollCommand command(config, request, arguments->json);
    try {
      const auto store = open_to_write(*config);
      return command.run(*store);
    } catch (const storage::DataDirectoryHeld& held) {
      if (!request.options.dry_run) return poll_by_agent(*config, request, arguments->json, held);
      // A dry run writes nothing: it can go on beside the agent.
      const auto store = open_to_read(*config);
      if (!store) throw;
      return command.run(*store);
    }
  };
}

}  // namespace mailstead::agent
