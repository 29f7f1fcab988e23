// mailstead run: the agent in the foreground, as systemd starts it (Type=notify).
#include "agent/commands/command.h"
#include "agent/commands/list.h"
#include "agent/commands/signals.h"
#include "agent/commands/table.h"
#include "agent/runtime.h"
#include "agent/service_manager.h"
#include "agent/version.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <sys/resource.h>
#include <unistd.h>

#include <csignal>

namespace mailstead::agent {

namespace {

constexpr std::chrono::milliseconds kTick{5000};

// Half of what systemd allows between two signs of life; the tick when it asks for none.
std::chrono::milliseconds watchdog_interval() {
  const auto allowed = watchdog_timeout();
  return allowed ? std::min(kTick, std::chrono::duration_cast<std::chrono::milliseconds>(*allowed / 2)) : kTick;
}

// Each connection that waits is a descriptor; the usual soft limit of 1,024 is there for programs that use select(2).
void allow_many_descriptors() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  (void)::setrlimit(RLIMIT_NOFILE, &limit);
}

void reload(Runtime& runtime, const GlobalOptions& options, Log& log) {
  tell_service_manager("RELOADING=1");
  try {
    runtime.reload(load(options));
    log.info("the configuration was read again");
  } catch (const Refusal& refusal) {
    log.error(fmt::format("{}: {}; the old configuration stays in force", refusal.where, refusal.what));
  } catch (const mail::Failure& failure) {
    log.error(fmt::format("{}; the old configuration stays in force", failure.text()));
  }
  tell_service_manager("READY=1");
}

int run(const GlobalOptions& options) {
  block_signals();
  allow_many_descriptors();
  const auto config = load(options);
  Log log(config->log);
  if (::geteuid() == 0) log.warning("running as root: nothing here needs it; see systemd/mailstead.service");
  {
    Runtime runtime(config, log);
    log.info(fmt::format(
        "mailstead {} began: {}, {}, {}, data in {}", kVersion, counted(config->accounts.size(), "account"),
        counted(config->destinations.size(), "destination"), counted(config->rules->size(), "rule"), config->data_dir));
    tell_service_manager("READY=1");
    const auto wait = watchdog_interval();
    for (int signal = 0; signal != SIGTERM && signal != SIGINT; signal = next_signal(wait)) {
      if (!runtime.store().sound()) {
        log.error("the disk did not confirm a write: ending, so that a restart finds out what is there");
        return kSomethingFailed;
      }
      tell_service_manager("WATCHDOG=1");
      if (signal == SIGHUP) reload(runtime, options, log);
      if (signal == SIGUSR1) runtime.poll_now();
      runtime.tick();
    }
    tell_service_manager("STOPPING=1");
    log.info("stopping");
    let_second_signal_kill();
  }
  log.info("stopped");
  return kDone;
}

}  // namespace

std::function<int()> add_run(CLI::App& /*app*/, const GlobalOptions& options) {
  return [&options] { return run(options); };
}

}  // namespace mailstead::agent
