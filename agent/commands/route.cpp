// mailstead route: which rules match a message, which do not and why, and what would be done. Nothing is delivered; of
// the programs of rules, tests and filters are run, since they decide, and "run" is not; no attachment is saved.
#include "agent/commands/command.h"
#include "agent/commands/list.h"
#include "agent/commands/reroute.h"
#include "agent/pipeline/examined.h"
#include "agent/pipeline/rule_memory.h"
#include "mail/escape.h"
#include "router/rule_set.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iostream>
#include <iterator>

namespace mailstead::agent {

namespace {

struct RouteArguments {
  std::vector<std::string> files;
  std::string account, folder, against;
  bool json = false;
};

// Before the agent has first run.
class NothingRemembered final : public router::Memory {
  [[nodiscard]] std::optional<mail::WallTime> met(const mail::Sha256& /*key*/,
                                                  std::chrono::seconds /*window*/) const override {
    return std::nullopt;
  }
};

constexpr mail::ByteCount kMaxFile = mail::kDefaultMaxMessageBytes;

std::string read_message(const std::string& file) {
  std::ifstream opened;
  if (file != "-") {
    opened.open(file, std::ios::binary);
    if (!opened) throw Refusal{file, std::strerror(errno), "name a file with one message, or - for standard input"};
  }
  std::istream& in = file == "-" ? std::cin : opened;
  std::string bytes;
  char buffer[65536];
  while (in.read(buffer, sizeof buffer) || in.gcount() > 0) {
    bytes.append(buffer, static_cast<std::size_t>(in.gcount()));
    if (bytes.size() > kMaxFile) throw Refusal{file, "larger than any message that would be fetched", ""};
  }
  return bytes;
}

const char* word(router::RuleTrace::Verdict verdict) {
  switch (verdict) {
    case router::RuleTrace::Verdict::kMatched: return "matched";
    case router::RuleTrace::Verdict::kNotMatched: return "no match";
    case router::RuleTrace::Verdict::kNotReached: return "not reached";
  }
  return "";
}

std::string outcome(const Config& config, const router::PlannedDelivery& planned) {
  const std::string& name = planned.destination.empty() ? config.redirect_destination : planned.destination;
  auto found = config.destinations.find(name);
  std::string text = name;
  if (found != config.destinations.end()) {
    const auto& destination = found->second;
    text = fmt::format("{} ({})", name, name_of(destination.type));
    if (destination.type == DestinationConfig::Type::kMailbox)
      text += fmt::format(" {}/{}", destination.user, planned.folder.empty() ? destination.folder : planned.folder);
    else if (!planned.folder.empty())
      text += ", folder " + planned.folder;
    const auto& to = planned.to.empty() ? destination.to : planned.to;
    if (!to.empty()) text += fmt::format(", to {}", fmt::join(to, ", "));
  }
  const auto flags = planned.flags.names();
  if (!flags.empty()) text += fmt::format(", flags {}", fmt::join(flags, " "));
  return text + (planned.rule == "default" ? " (by default)" : fmt::format(" (rule \"{}\")", planned.rule));
}

std::string place_of(const router::PlannedSave& save, const router::PlannedSave::File& file) {
  return mail::printable(save.directory + (save.folder.empty() ? "/" : "/" + save.folder + "/") + file.name);
}

void print(const Config& config, const std::string& file, const router::Explanation& explanation) {
  fmt::print("{}\n", mail::printable(file));
  for (const auto& rule : explanation.rules) {
    fmt::print("  rule \"{}\": {}\n", mail::printable(rule.rule), word(rule.verdict));
    for (const auto& test : rule.tests) {
      fmt::print("    {:{}}{} {}", "", test.depth * 2, test.matched ? "yes" : "no ", mail::printable(test.test));
      if (!test.saw.empty()) fmt::print("  <- {}", mail::printable(test.saw, 200));
      fmt::print("\n");
    }
    for (const auto& action : rule.actions) fmt::print("    => {}\n", mail::printable(action));
  }
  const auto& decision = explanation.decision;
  for (const auto& note : decision.notes) fmt::print("  note: {}\n", mail::printable(note));
  if (decision.postponed) {
    fmt::print("  is not accepted now: it waits on its server\n");
    return;
  }
  for (const auto& planned : decision.deliveries) {
    const std::string where = mail::printable(outcome(config, planned));
    if (planned.quarantine.empty())
      fmt::print("  goes to {}\n", where);
    else
      fmt::print("  is kept in quarantine for {}: {}\n", where, planned.quarantine);
  }
  for (const auto& run : decision.runs)
    fmt::print("  would be given to \"{}\" (rule \"{}\"), which was not run here\n", mail::program_text(run.program),
               mail::printable(run.rule));
  for (const auto& reply : decision.replies)
    fmt::print("  would be answered: \"{}\" to {} (rule \"{}\")\n", mail::printable(reply.subject),
               mail::printable(reply.to), mail::printable(reply.rule));
  for (const auto& save : decision.saves)
    for (const auto& one : save.files)
      fmt::print("  would have an attachment saved as {} (rule \"{}\")\n", place_of(save, one),
                 mail::printable(save.rule));
  if (decision.discarded && decision.deliveries.empty())
    fmt::print("  is discarded by rule \"{}\"\n", mail::printable(decision.discarded_by));
}

nlohmann::json to_json(const Config& config, const std::string& file, const router::Explanation& explanation) {
  nlohmann::json rules = nlohmann::json::array();
  for (const auto& rule : explanation.rules) {
    nlohmann::json tests = nlohmann::json::array();
    for (const auto& test : rule.tests)
      tests.push_back({{"test", test.test}, {"saw", test.saw}, {"matched", test.matched}, {"depth", test.depth}});
    rules.push_back(
        {{"rule", rule.rule}, {"verdict", word(rule.verdict)}, {"tests", tests}, {"actions", rule.actions}});
  }
  nlohmann::json deliveries = nlohmann::json::array();
  for (const auto& planned : explanation.decision.deliveries)
    deliveries.push_back(
        {{"destination", planned.destination.empty() ? config.redirect_destination : planned.destination},
         {"folder", planned.folder},
         {"to", planned.to},
         {"flags", planned.flags.names()},
         {"quarantine", planned.quarantine},
         {"rule", planned.rule}});
  nlohmann::json runs = nlohmann::json::array();
  for (const auto& run : explanation.decision.runs)
    runs.push_back({{"program", mail::program_text(run.program)}, {"rule", run.rule}, {"run", false}});
  nlohmann::json saves = nlohmann::json::array();
  for (const auto& save : explanation.decision.saves)
    for (const auto& one : save.files) saves.push_back({{"file", place_of(save, one)}, {"rule", save.rule}});
  nlohmann::json replies = nlohmann::json::array();
  for (const auto& reply : explanation.decision.replies)
    replies.push_back({{"to", reply.to}, {"from", reply.from}, {"subject", reply.subject}, {"rule", reply.rule}});
  return {{"file", file},
          {"rules", rules},
          {"deliveries", deliveries},
          {"runs", runs},
          {"saves", saves},
          {"replies", replies},
          {"postponed", explanation.decision.postponed.has_value()},
          {"discarded", explanation.decision.discarded && explanation.decision.deliveries.empty()},
          {"notes", explanation.decision.notes}};
}

router::Explanation explain(const Config& config, const RouteArguments& arguments, std::string bytes) {
  const auto account = config.accounts.find(arguments.account);
  const Examined message(std::make_shared<mail::MemoryContent>(std::move(bytes)),
                         account == config.accounts.end() ? nullptr : &account->second);
  const auto now = mail::SystemClock().wall();
  const Origin origin{arguments.account, arguments.folder, {}, now};
  const RuleServices services(config);
  const auto store = open_to_read(config);
  std::unique_ptr<const router::Memory> memory = std::make_unique<NothingRemembered>();
  if (store) memory = std::make_unique<MemoryLookedInto>(store->rule_memory(), now);
  return config.rules->explain(message.subject(origin, now, services, memory.get()));
}

int route(const GlobalOptions& options, const RouteArguments& arguments) {
  const auto config = load(options);
  if (!arguments.against.empty()) return route_against(*config, arguments.against, arguments.json);
  if (arguments.files.empty())
    throw Refusal{"", "no message is named", "name files, - for standard input, or --against USER/FOLDER"};
  if (!arguments.account.empty() && !config->accounts.contains(arguments.account))
    throw Refusal{config->file, "there is no account \"" + arguments.account + "\"", ""};
  nlohmann::json all = nlohmann::json::array();
  for (const auto& file : arguments.files) {
    const auto explanation = explain(*config, arguments, read_message(file));
    if (arguments.json)
      all.push_back(to_json(*config, file, explanation));
    else
      print(*config, file, explanation);
  }
  if (arguments.json) fmt::print("{}\n", all.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
  return kDone;
}

}  // namespace

std::function<int()> add_route(CLI::App& app, const GlobalOptions& options) {
  auto arguments = std::make_shared<RouteArguments>();
  app.add_option("FILE", arguments->files, "Files with one message each; - is standard input");
  app.add_option("--account", arguments->account, "As if it had been fetched from this account")->type_name("NAME");
  app.add_option("--folder", arguments->folder, "… and from this folder of it")->type_name("NAME");
  app.add_option("--against", arguments->against, "Kept mail instead: what the rules would put elsewhere today")
      ->type_name("USER[/FOLDER]")
      ->excludes("FILE");
  app.add_flag("--json", arguments->json, "The result as JSON");
  return [&options, arguments] { return route(options, *arguments); };
}

}  // namespace mailstead::agent
