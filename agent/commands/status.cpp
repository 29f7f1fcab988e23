// mailstead status: accounts, queue, mailboxes and listeners; with or without a running agent.
#include "agent/commands/command.h"
#include "agent/commands/list.h"
#include "agent/commands/table.h"
#include "agent/control/socket.h"
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

storage::AccountState state_of(storage::Store* store, const std::string& account) {
  auto state = store != nullptr ? store->accounts().state(account) : std::nullopt;
  if (state) return *std::move(state);
  storage::AccountState none;
  none.account = account;
  return none;
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

std::string condition(const storage::AccountState& state) {
  if (state.paused) return "paused: " + state.last_error;
  if (!state.last_error.empty()) return fmt::format("failing ({}): {}", state.failures, state.last_error);
  return state.last_poll ? "ok" : "never polled";
}

json accounts_json(const Config& config, storage::Store* store, const std::optional<json>& agent) {
  json all = json::array();
  for (const auto& [name, account] : config.accounts) {
    const auto state = state_of(store, name);
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
                   {"paused", state.paused}});
    const json live = live_facts(agent, name);
    if (live.is_null()) continue;
    all.back()["state"] = live.value("state", "");
    all.back()["reason"] = live.value("reason", "");
    all.back()["waiting"] = {{"connections", live.value("connections", 0U)}, {"folders", live.value("folders", 0U)}};
  }
  return all;
}

void print_accounts(const Config& config, storage::Store* store, mail::WallTime now, const std::optional<json>& agent) {
  Table table({"ACCOUNT", "LAST POLL", "NEXT POLL", "NEW", "TOTAL", "STATE"});
  for (const auto& [name, account] : config.accounts) {
    const auto state = state_of(store, name);
    const json live = live_facts(agent, name);
    const auto due = live.is_null() ? std::nullopt : std::optional(live.value("next_poll_in", std::int64_t{-1}));
    const std::string next = !due || *due < 0 ? "-"
                             : *due == 0      ? "now"
                                              : relative_time(now + std::chrono::seconds(*due), now);
    std::string words = condition(state);
    if (const std::string now_words = live.is_null() ? "" : live_words(live); !now_words.empty())
      words = words == "ok" ? now_words : words.starts_with(now_words) ? words : now_words + "; " + words;
    table.row({name, state.last_poll ? relative_time(state.last_poll, now) : "never", next,
               std::to_string(state.new_last_poll), std::to_string(state.retrieved_total), words});
  }
  fmt::print("{}", table.text());
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

int status(const GlobalOptions& options, bool as_json) {
  const auto config = load(options);
  const auto agent = control::ask(config->data_dir, {{"do", "describe"}});
  const auto store = open_to_read(*config);
  const auto now = mail::SystemClock().wall();
  const std::size_t queued = store ? store->queue().size() : 0;
  if (as_json) {
    json all{{"running", agent.has_value()},
             {"agent", agent.value_or(json(nullptr))},
             {"accounts", accounts_json(*config, store.get(), agent)},
             {"queue", queued},
             {"mailboxes", store ? mailboxes_json(*config, *store) : json::array()}};
    fmt::print("{}\n", all.dump(2, ' ', false, json::error_handler_t::replace));
    return kDone;
  }
  if (agent)
    fmt::print("agent {} runs (pid {}, up {}); data in {}\n\n", agent->value("version", ""), agent->value("pid", 0),
               mail::format_duration(std::chrono::seconds(agent->value("uptime_seconds", 0))), config->data_dir);
  else
    fmt::print("no agent is running; data in {}\n\n", config->data_dir);
  print_accounts(*config, store.get(), now, agent);
  fmt::print("\nqueue: {}\n", counted(queued, "delivery"));
  if (store) print_mailboxes(*config, *store);
  if (agent) print_listeners(*agent);
  return kDone;
}

}  // namespace

std::function<int()> add_status(CLI::App& app, const GlobalOptions& options) {
  auto as_json = std::make_shared<bool>(false);
  app.add_flag("--json", *as_json, "The result as JSON");
  return [&options, as_json] { return status(options, *as_json); };
}

}  // namespace mailstead::agent
