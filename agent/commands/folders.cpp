// mailstead folders: what an account holds, what of it is fetched, and why the rest is not.
#include "agent/commands/command.h"
#include "agent/commands/list.h"
#include "agent/commands/poll_arguments.h"
#include "agent/commands/table.h"
#include "agent/pipeline/account_poller.h"
#include "mail/escape.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

namespace mailstead::agent {

namespace {

using nlohmann::json;
using retrieval::FolderFacts;

std::string number(const std::optional<std::uint64_t>& value) {
  return value ? std::to_string(*value) : "-";
}

std::string why_left_out(const FolderFacts& folder) {
  if (folder.selected_for_retrieval) return {};
  if (!folder.left_out.empty()) return folder.left_out;
  return folder.selectable ? "not among \"folders\"" : "holds folders only";
}

// Messages and unseen of the folders that said so.
struct Totals {
  std::uint64_t folders = 0, messages = 0, unseen = 0;
  void add(const FolderFacts& folder) {
    ++folders;
    messages += folder.messages.value_or(0);
    unseen += folder.unseen.value_or(0);
  }
  [[nodiscard]] std::string text() const {
    return fmt::format("{}, {}, {} unseen", counted(folders, "folder"), counted(messages, "message"), unseen);
  }
};

void print(const std::vector<FolderFacts>& found) {
  Table table({"FOLDER", "MESSAGES", "UNSEEN", "USE", "SUBSCRIBED", "FETCHED"});
  Totals all, fetched;
  for (const auto& folder : found) {
    const std::string why = why_left_out(folder);
    table.row({mail::printable(folder.name), number(folder.messages), number(folder.unseen),
               folder.special_use.empty() ? "-" : mail::printable(folder.special_use), folder.subscribed ? "yes" : "no",
               why.empty() ? "yes" : mail::printable("no: " + why)});
    all.add(folder);
    if (folder.selected_for_retrieval) fetched.add(folder);
  }
  fmt::print("{}\nall: {}\nfetched: {}\n", table.text(), all.text(), fetched.text());
}

json to_json(const std::vector<FolderFacts>& found) {
  json all = json::array();
  for (const auto& folder : found)
    all.push_back({{"folder", folder.name},
                   {"special_use", folder.special_use},
                   {"selectable", folder.selectable},
                   {"subscribed", folder.subscribed},
                   {"fetched", folder.selected_for_retrieval},
                   {"left_out", why_left_out(folder)},
                   {"messages", folder.messages ? json(*folder.messages) : json(nullptr)},
                   {"unseen", folder.unseen ? json(*folder.unseen) : json(nullptr)}});
  return all;
}

int folders(const GlobalOptions& options, const std::string& name, bool as_json) {
  const auto config = load(options);
  const auto found = make_retriever(account_named(*config, name))->folders({});
  if (as_json)
    fmt::print("{}\n", to_json(found).dump(2, ' ', false, json::error_handler_t::replace));
  else
    print(found);
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
