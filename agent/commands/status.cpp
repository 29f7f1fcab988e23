// mailstead status: accounts, queue, mailboxes and listeners; with or without a running agent.
#include "agent/commands/command.h"
#include "agent/commands/list.h"
#include "agent/commands/table.h"
#include "agent/control/socket.h"
#include "agent/health.h"
#include "mail/escape.h"
#include "mail/units.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

namespace mailstead::agent {

namespace {

using nlohmann::json;

json time_json(std::optional<mail::WallTime> time) {
  return time ? json(time->time_since_epoch().count()) : json(nullptr);
}

// What the running agent says of an account; null without one.
json live_facts(const std::optional<json>& agent, const std::string& account) {
  if (agent)
    for (const auto& facts : agent->value("accounts", json::array()))
      if (facts.value("account", "") == account) return facts;
  return nullptr;
}

std::string live_words(const json& live) {
  const std::string state = live.value("state", "");
  if (state == "idle")
    return fmt::format("idle on {}, {}", counted(live.value("folders", 0U), "folder"),
                       counted(live.value("connections", 0U), "connection"));
  const std::string reason = live.value("reason", "");
  return reason.empty() ? state : state + ": " + mail::printable(reason, 200);
}

// What is looked at, taken once.
struct Seen {
  const Config& config;
  std::optional<json> agent;
  std::unique_ptr<storage::Store> store;  // null when nothing was ever kept
  mail::WallTime now;
  std::optional<std::chrono::seconds> silent_for;
  std::vector<storage::Trouble> stepped_over;

  [[nodiscard]] std::optional<storage::AccountState> state(const std::string& account) const {
    return store ? store->accounts().state(account) : std::nullopt;
  }
  [[nodiscard]] HealthFacts health() const {
    HealthFacts facts{config, {}, stepped_over, {}};
    if (!store) return facts;
    facts.states = store->accounts().states();
    facts.queue = store->queue().list();
    return facts;
  }
};

std::string condition(const Seen& seen, const AccountConfig& account,
                      const std::optional<storage::AccountState>& state) {
  if (auto trouble = trouble_of(account, state, seen.now, seen.silent_for); !trouble.empty()) return trouble;
  if (!state) return "never polled";
  return state->last_error.empty() ? "ok" : fmt::format("failing ({}): {}", state->failures, state->last_error);
}

json stepped_over_json(const Seen& seen, const std::string& account) {
  json all = json::array();
  for (const auto& one : seen.stepped_over)
    if (one.source.account == account)
      all.push_back({{"folder", one.source.folder},
                     {"uid", one.source.uid},
                     {"uidl", mail::printable(one.source.uidl)},
                     {"attempts", one.attempts},
                     {"last_try", time_json(one.last)},
                     {"next_try", time_json(one.next_try)},
                     {"stepped_over", one.stepped_over},
                     {"reason", one.reason}});
  return all;
}

json accounts_json(const Seen& seen) {
  json all = json::array();
  for (const auto& [name, account] : seen.config.accounts) {
    const auto known = seen.state(name);
    const auto state = known.value_or(storage::AccountState{});
    all.push_back({{"account", name},
                   {"protocol", name_of(account.protocol)},
                   {"host", account.endpoint.host},
                   {"last_poll", time_json(state.last_poll)},
                   {"last_success", time_json(state.last_success)},
                   {"next_poll", time_json(state.next_poll)},
                   {"new_last_poll", state.new_last_poll},
                   {"retrieved", state.retrieved_total},
                   {"duplicates", state.duplicates_total},
                   {"bytes", state.bytes_total},
                   {"failures", state.failures},
                   {"last_error", state.last_error},
                   {"paused", state.paused},
                   {"trouble", trouble_of(account, known, seen.now, seen.silent_for)},
                   {"not_handed_over", stepped_over_json(seen, name)}});
    const json live = live_facts(seen.agent, name);
    if (live.is_null()) continue;
    all.back()["state"] = live.value("state", "");
    all.back()["reason"] = live.value("reason", "");
    all.back()["waiting"] = {{"connections", live.value("connections", 0U)}, {"folders", live.value("folders", 0U)}};
  }
  return all;
}

void print_accounts(const Seen& seen) {
  Table table({"ACCOUNT", "LAST POLL", "NEXT POLL", "NEW", "TOTAL", "STATE"});
  for (const auto& [name, account] : seen.config.accounts) {
    const auto known = seen.state(name);
    const auto state = known.value_or(storage::AccountState{});
    const json live = live_facts(seen.agent, name);
    const auto due = live.is_null() ? std::nullopt : std::optional(live.value("next_poll_in", std::int64_t{-1}));
    const std::string next = !due || *due < 0 ? "-"
                             : *due == 0      ? "now"
                                              : relative_time(seen.now + std::chrono::seconds(*due), seen.now);
    std::string words = condition(seen, account, known);
    if (const std::string now_words = live.is_null() ? "" : live_words(live); !now_words.empty())
      words = words == "ok" ? now_words : words.starts_with(now_words) ? words : now_words + "; " + words;
    table.row({name, state.last_poll ? relative_time(state.last_poll, seen.now) : "never", next,
               std::to_string(state.new_last_poll), std::to_string(state.retrieved_total), words});
  }
  fmt::print("{}", table.text());
}

void print_stepped_over(const Seen& seen) {
  constexpr std::size_t kShown = 20;
  Table table({"NOT HANDED OVER", "MESSAGE", "TRIES", "NEXT TRY", "REASON"});
  for (std::size_t i = 0; i < std::min(kShown, seen.stepped_over.size()); ++i) {
    const auto& one = seen.stepped_over[i];
    const std::string message = one.source.uidl.empty() ? fmt::format("{} UID {}", one.source.folder, one.source.uid)
                                                        : "UIDL " + one.source.uidl;
    table.row({one.source.account, mail::printable(message, 60), std::to_string(one.attempts),
               one.next_try <= seen.now ? "at the next poll" : relative_time(one.next_try, seen.now),
               mail::printable(one.reason, 200)});
  }
  if (table.empty()) return;
  fmt::print("\n{}", table.text());
  if (seen.stepped_over.size() > kShown)
    fmt::print("and {} more: --json lists all\n", seen.stepped_over.size() - kShown);
  fmt::print("to try them now: mailstead poll ACCOUNT --retry-skipped\n");
}

void print_mailboxes(const Config& config, storage::Store& store) {
  Table table({"MAILBOX", "MESSAGES", "UNSEEN", "SIZE"});
  for (const auto& [user, settings] : config.users)
    for (const auto& mailbox : store.mail().mailboxes(user))
      if (mailbox.messages > 0)
        table.row({mail::printable(user + "/" + mailbox.name), std::to_string(mailbox.messages),
                   std::to_string(mailbox.unseen), mail::format_size(mailbox.bytes)});
  if (!table.empty()) fmt::print("\n{}", table.text());
}

json mailboxes_json(const Config& config, storage::Store& store) {
  json all = json::array();
  for (const auto& [user, settings] : config.users)
    for (const auto& mailbox : store.mail().mailboxes(user))
      all.push_back({{"user", user},
                     {"mailbox", mailbox.name},
                     {"messages", mailbox.messages},
                     {"unseen", mailbox.unseen},
                     {"bytes", mailbox.bytes}});
  return all;
}

void print_listeners(const json& agent) {
  Table table({"LISTENER", "ADDRESS", "TLS", "CONNECTIONS"});
  for (const auto& listener : agent.value("listeners", json::array()))
    table.row({listener.value("name", ""), listener.value("address", ""), listener.value("tls", ""),
               std::to_string(listener.value("connections", 0))});
  if (!table.empty()) fmt::print("\n{}", table.text());
}

json to_json(const Seen& seen) {
  return {{"running", seen.agent.has_value()},
          {"agent", seen.agent.value_or(json(nullptr))},
          {"accounts", accounts_json(seen)},
          {"queue", seen.store ? seen.store->queue().size() : 0},
          {"mailboxes", seen.store ? mailboxes_json(seen.config, *seen.store) : json::array()},
          {"troubles", troubles_of(seen.health(), seen.now, seen.silent_for)}};
}

void print(const Seen& seen) {
  const auto& agent = seen.agent;
  if (agent)
    fmt::print("agent {} runs (pid {}, up {}); data in {}\n\n", agent->value("version", ""), agent->value("pid", 0),
               mail::format_duration(std::chrono::seconds(agent->value("uptime_seconds", 0))), seen.config.data_dir);
  else
    fmt::print("no agent is running; data in {}\n\n", seen.config.data_dir);
  print_accounts(seen);
  print_stepped_over(seen);
  fmt::print("\nqueue: {}\n", counted(seen.store ? seen.store->queue().size() : 0, "delivery"));
  if (seen.store) print_mailboxes(seen.config, *seen.store);
  if (agent) print_listeners(*agent);
}

struct StatusArguments {
  bool json = false, check = false;
  std::string silent_for;

  [[nodiscard]] std::optional<std::chrono::seconds> silence() const {
    if (silent_for.empty()) return std::nullopt;
    auto limit = mail::parse_duration(silent_for);
    if (!limit)
      throw Refusal{"status", fmt::format("--silent-for: \"{}\" is not a duration", silent_for), "write 6h, or 2d"};
    return limit;
  }
};

int status(const GlobalOptions& options, const StatusArguments& arguments) {
  const auto config = load(options);
  Seen seen{*config,
            control::ask(config->data_dir, {{"do", "describe"}}),
            open_to_read(*config),
            mail::SystemClock().wall(),
            arguments.silence(),
            {}};
  if (seen.store) seen.stepped_over = seen.store->ledger().troubles("");
  const auto troubles =
      arguments.check ? troubles_of(seen.health(), seen.now, seen.silent_for) : std::vector<std::string>();
  if (arguments.json) {
    fmt::print("{}\n", to_json(seen).dump(2, ' ', false, json::error_handler_t::replace));
  } else if (!arguments.check) {
    print(seen);
  } else if (troubles.empty()) {
    fmt::print("ok: {}, queue: {}\n", counted(config->accounts.size(), "account"),
               counted(seen.store ? seen.store->queue().size() : 0, "delivery"));
  } else {
    for (const auto& line : troubles) fmt::print("{}\n", line);
  }
  return troubles.empty() ? kDone : kSomethingFailed;
}

}  // namespace

std::function<int()> add_status(CLI::App& app, const GlobalOptions& options) {
  auto arguments = std::make_shared<StatusArguments>();
  app.add_flag("--json", arguments->json, "The result as JSON");
  app.add_flag("--check", arguments->check,
               "For a monitor: one line per trouble and exit status 1, or \"ok\" and 0. Troubles: an account that is "
               "paused or brought nothing for long, messages stepped over, deliveries that wait for more than a day");
  app.add_option("--silent-for", arguments->silent_for,
                 "How long an account may go without a successful poll (default: a day, or ten of its intervals)")
      ->type_name("DURATION");
  return [&options, arguments] { return status(options, *arguments); };
}

}  // namespace mailstead::agent
