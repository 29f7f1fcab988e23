// mailstead explain: the history of a message, by Message-ID or by words of its subject or sender.
#include "agent/commands/command.h"
#include "agent/commands/list.h"
#include "agent/commands/table.h"
#include "mail/escape.h"
#include "mail/units.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

namespace mailstead::agent {

namespace {

constexpr std::size_t kMaxFound = 20;

nlohmann::json to_json(const storage::MessageHistory& message) {
  nlohmann::json events = nlohmann::json::array();
  for (const auto& event : message.events)
    events.push_back({{"time", event.time.time_since_epoch().count()}, {"kind", event.kind}, {"text", event.text}});
  return {{"id", message.id},
          {"message_id", mail::printable(message.message_id)},
          {"from", message.from},
          {"subject", message.subject},
          {"size", message.size},
          {"account", message.source.account},
          {"folder", mail::printable(message.source.folder)},
          {"duplicate_of", message.duplicate_of},
          {"lies_in", message.placed_in},
          {"events", events}};
}

void print(const storage::MessageHistory& message) {
  fmt::print("message {}  {}\n", message.id, mail::printable(message.message_id));
  fmt::print("  from     {}\n  subject  {}\n  size     {}\n", mail::printable(message.from),
             mail::printable(message.subject), mail::format_size(message.size));
  for (const auto& event : message.events)
    fmt::print("  {}  {:<10} {}\n", local_time(event.time), event.kind, mail::printable(event.text));
  for (const auto& place : message.placed_in) fmt::print("  lies in  {}\n", mail::printable(place));
}

int explain(const GlobalOptions& options, const std::string& wanted, bool as_json) {
  const auto config = load(options);
  const auto store = open_to_read(*config);
  std::vector<storage::MessageHistory> found;
  if (store) found = store->history().by_message_id(wanted);
  if (store && found.empty()) found = store->history().search(wanted, kMaxFound);
  if (as_json) {
    nlohmann::json all = nlohmann::json::array();
    for (const auto& message : found) all.push_back(to_json(message));
    fmt::print("{}\n", all.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
  } else {
    for (const auto& message : found) print(message);
  }
  if (found.empty()) {
    complain("", fmt::format("no message is known by \"{}\"", wanted),
             "give its Message-ID, or words of its subject or sender");
    return kSomethingFailed;
  }
  return kDone;
}

}  // namespace

std::function<int()> add_explain(CLI::App& app, const GlobalOptions& options) {
  struct Arguments {
    std::string wanted;
    bool json = false;
  };
  auto arguments = std::make_shared<Arguments>();
  app.add_option("MESSAGE-ID", arguments->wanted, "With or without <>; or words of the subject or sender")->required();
  app.add_flag("--json", arguments->json, "The result as JSON");
  return [&options, arguments] { return explain(options, arguments->wanted, arguments->json); };
}

}  // namespace mailstead::agent
