// mailstead poll: one poll of the named (or all) accounts, deliveries attempted once, then exit.
#include "agent/commands/command.h"
#include "agent/commands/list.h"
#include "agent/commands/progress.h"
#include "agent/commands/signals.h"
#include "agent/commands/table.h"
#include "agent/control/socket.h"
#include "agent/delivery/dispatcher.h"
#include "agent/pipeline/account_poller.h"
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

struct PollArguments {
  std::vector<std::string> accounts;
  bool dry_run = false;
  std::uint32_t limit = 0;
  bool json = false;
};

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

std::vector<AccountRun> chosen_accounts(const Config& config, const std::vector<std::string>& names) {
  std::vector<AccountRun> runs;
  auto add = [&](const AccountConfig& account) {
    AccountRun run;
    run.account = &account;
    run.progress = std::make_shared<AccountProgress>(account.name);
    runs.push_back(std::move(run));
  };
  for (const auto& name : names) {
    auto found = config.accounts.find(name);
    if (found != config.accounts.end()) {
      add(found->second);
      continue;
    }
    std::vector<std::string> known;
    for (const auto& [other, account] : config.accounts) known.push_back(other);
    const auto meant = mail::nearest(name, known);
    throw Refusal{config.file, fmt::format("there is no account \"{}\"", name),
                  meant.empty() ? fmt::format("accounts are: {}", fmt::join(known, ", "))
                                : fmt::format("did you mean \"{}\"?", meant)};
  }
  if (names.empty())
    for (const auto& [name, account] : config.accounts)
      if (!account.skip) add(account);
  return runs;
}

nlohmann::json to_json(const AccountRun& run) {
  const auto& report = run.report;
  nlohmann::json line{
      {"account", run.account->name},        {"new", report.counts.accepted}, {"duplicates", report.counts.duplicates},
      {"skipped", report.counts.skipped},    {"cleaned", report.cleaned},     {"bytes", report.counts.bytes},
      {"milliseconds", report.took.count()}, {"more", report.more},           {"warnings", report.warnings}};
  if (report.failure) line["error"] = report.failure->text();
  for (const auto& message : run.dry.messages)
    line["would_fetch"].push_back({{"folder", message.source.folder},
                                   {"uid", message.source.uid},
                                   {"uidl", mail::printable(message.source.uidl)},
                                   {"size", message.size_hint}});
  return line;
}

void print_dry_run(const std::vector<AccountRun>& runs) {
  Table table({"ACCOUNT", "FOLDER", "UID", "SIZE"});
  for (const auto& run : runs)
    for (const auto& message : run.dry.messages)
      table.row(
          {run.account->name, mail::printable(message.source.folder),
           message.source.uidl.empty() ? std::to_string(message.source.uid) : mail::printable(message.source.uidl),
           mail::format_size(message.size_hint)});
  if (table.empty())
    fmt::print("nothing would be fetched\n");
  else
    fmt::print("{}", table.text());
}

// A running agent holds the data directory: it is asked to poll instead.
int poll_by_agent(const Config& config, const PollArguments& arguments, const storage::DataDirectoryHeld& held) {
  if (arguments.dry_run || arguments.limit > 0) throw held;
  const auto answer = control::ask(config.data_dir, {{"do", "poll"}, {"accounts", arguments.accounts}});
  if (!answer) throw held;
  if (!answer->value("ok", false)) {
    complain("", answer->value("error", "refused"));
    return kSomethingFailed;
  }
  if (arguments.json)
    fmt::print("{}\n", nlohmann::json{{"asked_running_agent", true}}.dump());
  else
    fmt::print("the running agent was asked to poll now; see: mailstead status\n");
  return kDone;
}

class PollCommand {
 public:
  PollCommand(std::shared_ptr<const Config> config, const PollArguments& arguments)
      : config_(std::move(config)),
        arguments_(arguments),
        log_(quiet(config_->log)),
        runs_(chosen_accounts(*config_, arguments.accounts)) {}

  int run(storage::Store& store) {
    net::ParkingLot lot;
    net::WorkerPool polling("poll", std::clamp<std::size_t>(runs_.size(), 1, kMaxPollWorkers));
    poll_all(store, polling);
    DispatchCounts delivered;
    if (!arguments_.dry_run && !stop_.stop_requested()) {
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
    ProgressPainter painter(bars, ::isatty(STDERR_FILENO) == 1 && !arguments_.json && !arguments_.dry_run);
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

  void poll_one(storage::Store& store, AccountRun& run) {
    retrieval::PollOptions options;
    options.dry_run = arguments_.dry_run;
    options.limit = arguments_.limit;
    AccountPoller poller(store, config_, *run.account, clock_, log_);
    retrieval::PollObserver& observer =
        arguments_.dry_run ? static_cast<retrieval::PollObserver&>(run.dry) : *run.progress;
    run.report = poller.poll(options, observer, run.progress.get(), stop_.get_token());
    poller.disconnect();
    run.progress->finished(result_line(run.report));
  }

  void print(const DispatchCounts& delivered) const {
    if (arguments_.json) {
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
    if (arguments_.dry_run) {
      print_dry_run(runs_);
      return;
    }
    for (const auto& run : runs_)
      if (!run.report.failure) fmt::print("{}: {}\n", run.account->name, result_line(run.report));
    if (delivered.delivered + delivered.deferred + delivered.failed > 0)
      fmt::print("deliveries: {} done, {} to be tried again, {} returned to Undelivered\n", delivered.delivered,
                 delivered.deferred, delivered.failed);
  }

  std::shared_ptr<const Config> config_;
  const PollArguments& arguments_;
  mail::SystemClock clock_;
  Log log_;
  std::vector<AccountRun> runs_;
  std::stop_source stop_;
};

}  // namespace

std::function<int()> add_poll(CLI::App& app, const GlobalOptions& options) {
  auto arguments = std::make_shared<PollArguments>();
  app.add_option("ACCOUNT", arguments->accounts, "Accounts to poll (default: all)");
  app.add_flag("--dry-run", arguments->dry_run, "Show what would be fetched; fetch nothing, touch nothing");
  app.add_option("--limit", arguments->limit, "At most so many messages of each account")->check(CLI::PositiveNumber);
  app.add_flag("--json", arguments->json, "The result as JSON");
  return [&options, arguments] {
    block_signals();
    const auto config = load(options);
    PollCommand command(config, *arguments);
    try {
      const auto store = open_to_write(*config);
      return command.run(*store);
    } catch (const storage::DataDirectoryHeld& held) {
      return poll_by_agent(*config, *arguments, held);
    }
  };
}

}  // namespace mailstead::agent
