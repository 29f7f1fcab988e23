// mailstead folders: what an account holds.
#include "agent/commands/command.h"
#include "agent/commands/list.h"
#include "agent/commands/table.h"
#include "agent/pipeline/account_poller.h"
#include "mail/escape.h"
#include "mail/units.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

namespace mailstead::agent {

namespace {

using nlohmann::json;

std::string number(const std::optional<std::uint64_t>& value) {
  return value ? std::to_string(*value) : "-";
}

int folders(const GlobalOptions& options, const std::string& name, bool as_json) {
  const auto config = load(options);
  auto account = config->accounts.find(name);
  if (account == config->accounts.end()) {
    std::vector<std::string> known;
    for (const auto& [other, settings] : config->accounts) known.push_back(other);
    const auto meant = mail::nearest(name, known);
    throw Refusal{config->file, fmt::format("there is no account \"{}\"", name),
                  meant.empty() ? "" : fmt::format("did you mean \"{}\"?", meant)};
  }
  const auto found = make_retriever(account->second)->folders({});
  if (as_json) {
    json all = json::array();
    for (const auto& folder : found)
      all.push_back({{"folder", folder.name},
                     {"special_use", folder.special_use},
                     {"selectable", folder.selectable},
                     {"fetched", folder.selected_for_retrieval},
                     {"messages", folder.messages ? json(*folder.messages) : json(nullptr)},
                     {"unseen", folder.unseen ? json(*folder.unseen) : json(nullptr)}});
    fmt::print("{}\n", all.dump(2, ' ', false, json::error_handler_t::replace));
    return kDone;
  }
  Table table({"FOLDER", "MESSAGES", "UNSEEN", "FETCHED", "USE"});
  for (const auto& folder : found)
    table.row({mail::printable(folder.name), number(folder.messages), number(folder.unseen),
               folder.selected_for_retrieval ? "yes" : "no", mail::printable(folder.special_use)});
  fmt::print("{}", table.text());
  return kDone;
}

}  // namespace

std::function<int()> add_folders(CLI::App& app, const GlobalOptions& options) {
  struct Arguments {
    std::string account;
    bool json = false;
  };
  auto arguments = std::make_shared<Arguments>();
  app.add_option("ACCOUNT", arguments->account, "The account")->required();
  app.add_flag("--json", arguments->json, "The result as JSON");
  return [&options, arguments] { return folders(options, arguments->account, arguments->json); };
}

}  // namespace mailstead::agent
