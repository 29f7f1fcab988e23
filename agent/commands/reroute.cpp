// mailstead reroute: puts mail that is kept where the rules want it today. Nothing is sent on again.
#include "agent/commands/reroute.h"

#include "agent/commands/ask.h"
#include "agent/commands/command.h"
#include "agent/commands/list.h"
#include "agent/commands/table.h"
#include "agent/pipeline/rerouting.h"
#include "mail/escape.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

namespace mailstead::agent {

namespace {

using nlohmann::json;

constexpr std::size_t kAtOnce = 500;  // messages of one request
constexpr std::size_t kShown = 40;    // columns of a sender or subject

struct RerouteArguments {
  std::string target;
  bool dry_run = false, discard = false, json = false;
};

struct Found {
  MisplacedSearch search;
  std::uint64_t looked_at = 0;
  std::vector<Misplaced> messages;
};

MisplacedSearch search_of(const std::string& target) {
  const auto slash = target.find('/');
  MisplacedSearch search{target.substr(0, slash), slash == std::string::npos ? "" : target.substr(slash + 1)};
  if (search.user.empty()) throw Refusal{target, "names no user", "write USER or USER/FOLDER, such as alice/INBOX"};
  return search;
}

Found find(const Config& config, const std::string& target) {
  Found found{search_of(target), 0, {}};
  const auto store = open_to_read(config);
  if (!store) return found;
  found.looked_at = find_misplaced(*store, config, found.search, mail::SystemClock().wall(),
                                   [&](const Misplaced& message) { found.messages.push_back(message); });
  return found;
}

std::string where_to(const Misplaced& message) {
  if (!message.folders.empty()) return fmt::format("{}", fmt::join(message.folders, ", "));
  if (message.discarded) return "nowhere: discarded";
  return fmt::format("not here: {}", fmt::join(message.others, ", "));
}

void print(const std::vector<Misplaced>& messages) {
  Table table({"LIES IN", "UID", "FROM", "SUBJECT", "WOULD LIE IN", "RULE"});
  for (const auto& message : messages)
    table.row({mail::printable(message.folder), std::to_string(message.uid), mail::printable(message.from, kShown),
               mail::printable(message.subject, kShown), mail::printable(where_to(message)),
               mail::printable(message.rule)});
  if (!table.empty()) fmt::print("{}", table.text());
}

json shown(const Misplaced& message) {
  json one = to_json(std::vector<Misplaced>{message}).at(0);
  one["from"] = message.from;
  one["subject"] = message.subject;
  one["others"] = message.others;
  return one;
}

json to_json(const Found& found) {
  json messages = json::array();
  for (const auto& message : found.messages) messages.push_back(shown(message));
  return {{"looked_at", found.looked_at}, {"messages", messages}};
}

void print_json(const json& value) {
  fmt::print("{}\n", value.dump(2, ' ', false, json::error_handler_t::replace));
}

// What can be put right: the rest would not lie with this user at all.
std::vector<Misplaced> movable(const Found& found, bool discard) {
  std::vector<Misplaced> result;
  for (const auto& message : found.messages)
    if (!message.folders.empty() || (message.discarded && discard)) result.push_back(message);
  return result;
}

std::uint64_t put_right(const Config& config, const std::string& user, const std::vector<Misplaced>& messages) {
  std::uint64_t changed = 0;
  for (std::size_t begin = 0; begin < messages.size(); begin += kAtOnce) {
    const auto end = std::min(messages.size(), begin + kAtOnce);
    const std::vector<Misplaced> part(messages.begin() + static_cast<std::ptrdiff_t>(begin),
                                      messages.begin() + static_cast<std::ptrdiff_t>(end));
    const auto answer = ask_or_do(config, {{"do", "reroute"}, {"user", user}, {"messages", to_json(part)}});
    changed += answer.value("count", std::uint64_t{0});
  }
  return changed;
}

int reroute(const GlobalOptions& options, const RerouteArguments& arguments) {
  const auto config = load(options);
  if (arguments.dry_run) return route_against(*config, arguments.target, arguments.json);
  const Found found = find(*config, arguments.target);
  const auto wanted = movable(found, arguments.discard);
  const auto changed = put_right(*config, found.search.user, wanted);
  if (arguments.json) {
    json all = to_json(found);
    all["changed"] = changed;
    print_json(all);
    return kDone;
  }
  print(found.messages);
  fmt::print("{} looked at, {} put where the rules want them\n", counted(found.looked_at, "message"), changed);
  const auto discarded = std::count_if(found.messages.begin(), found.messages.end(),
                                       [](const Misplaced& message) { return message.discarded; });
  if (discarded > 0 && !arguments.discard)
    fmt::print("{} would be discarded and stayed: --discard removes them\n",
               counted(static_cast<std::uint64_t>(discarded), "message"));
  return kDone;
}

}  // namespace

int route_against(const Config& config, const std::string& target, bool as_json) {
  const Found found = find(config, target);
  if (as_json) {
    print_json(to_json(found));
    return kDone;
  }
  print(found.messages);
  fmt::print("{} looked at, {} would lie elsewhere{}\n", counted(found.looked_at, "message"), found.messages.size(),
             found.messages.empty() ? "" : "; to put them there: mailstead reroute " + mail::printable(target));
  return kDone;
}

std::function<int()> add_reroute(CLI::App& app, const GlobalOptions& options) {
  auto arguments = std::make_shared<RerouteArguments>();
  app.add_option("USER[/FOLDER]", arguments->target, "Whose mail; without a folder all that the agent brought")
      ->required();
  app.add_flag("--dry-run", arguments->dry_run, "Only show what would be done");
  app.add_flag("--discard", arguments->discard, "Remove what the rules would discard, too");
  app.add_flag("--json", arguments->json, "The result as JSON");
  return [&options, arguments] { return reroute(options, *arguments); };
}

}  // namespace mailstead::agent
