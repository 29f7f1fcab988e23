#include "agent/commands/app_password.h"

#include "agent/commands/ask.h"
#include "agent/commands/table.h"
#include "connectors/sasl/keys.h"
#include "mail/escape.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace mailstead::agent {

namespace {

using nlohmann::json;

constexpr std::size_t kMaxName = 64;

struct AppPasswordArguments {
  std::string user, name;
  bool json = false;
};

void require_password_name(const std::string& name) {
  const bool fit = !name.empty() && name.size() <= kMaxName && mail::printable(name, kMaxName) == name;
  if (!fit)
    throw Refusal{"", "not a name for a password: \"" + mail::printable(name, kMaxName) + "\"",
                  "printable, at most 64 octets, such as phone"};
}

storage::User existing(const Config& config, const std::string& name) {
  const auto store = open_to_read(config);
  auto user = store ? store->users().find(name) : std::nullopt;
  if (!user) throw Refusal{"", "there is no user \"" + name + "\"", "", kSomethingFailed};
  return *std::move(user);
}

int add(const GlobalOptions& options, const AppPasswordArguments& arguments) {
  require_password_name(arguments.name);
  const auto config = load(options);
  const auto own = sasl::decode_keys(existing(*config, arguments.user).keys);
  if (!own)
    throw Refusal{"", "user \"" + arguments.user + "\" has no password", "see: mailstead user passwd",
                  kSomethingFailed};
  const auto password = sasl::new_app_password();
  const auto keys = sasl::encode_keys(sasl::make_keys_beside(*own, password));
  (void)ask_or_do(
      *config, {{"do", "user app-password add"}, {"user", arguments.user}, {"name", arguments.name}, {"keys", keys}});
  if (arguments.json) {
    const json made{{"user", arguments.user}, {"name", arguments.name}, {"password", password.reveal()}};
    fmt::print("{}\n", made.dump(2));
    return kDone;
  }
  fmt::print("{}\n", password.reveal());
  fmt::print(stderr, "for {} of {}; it is not shown again\n", arguments.name, arguments.user);
  return kDone;
}

int revoke(const GlobalOptions& options, const AppPasswordArguments& arguments) {
  (void)ask_or_do(*load(options),
                  {{"do", "user app-password revoke"}, {"user", arguments.user}, {"name", arguments.name}});
  fmt::print("the password {} of {} is revoked, its sessions are ended\n", arguments.name, arguments.user);
  return kDone;
}

int list(const GlobalOptions& options, const AppPasswordArguments& arguments) {
  const auto user = existing(*load(options), arguments.user);
  if (arguments.json) {
    json all = json::array();
    for (const auto& password : user.app_passwords) {
      json one{{"name", password.name}, {"created", password.created.time_since_epoch().count()}};
      one["last_use"] = password.last_use ? json(password.last_use->time_since_epoch().count()) : json();
      all.push_back(std::move(one));
    }
    fmt::print("{}\n", all.dump(2, ' ', false, json::error_handler_t::replace));
    return kDone;
  }
  Table table({"NAME", "SINCE", "LAST USE"});
  for (const auto& password : user.app_passwords)
    table.row({mail::printable(password.name), local_time(password.created),
               password.last_use ? local_time(password.last_use) : "never"});
  if (table.empty())
    fmt::print("no app passwords; see: mailstead user app-password add {} NAME\n", mail::printable(arguments.user));
  else
    fmt::print("{}", table.text());
  return kDone;
}

}  // namespace

void add_app_passwords(CLI::App& user, const GlobalOptions& options,
                       const std::shared_ptr<std::function<int()>>& chosen) {
  auto arguments = std::make_shared<AppPasswordArguments>();
  CLI::App* app = user.add_subcommand("app-password", "Passwords for single clients");
  app->require_subcommand(1);
  auto add_one = [&](const char* name, const char* summary,
                     int (*run)(const GlobalOptions&, const AppPasswordArguments&), bool named) {
    CLI::App* sub = app->add_subcommand(name, summary);
    sub->callback([chosen, run, arguments, &options] { *chosen = [=, &options] { return run(options, *arguments); }; });
    sub->add_option("USER", arguments->user, "The user")->required();
    if (named) sub->add_option("NAME", arguments->name, "The password's name, such as phone")->required();
    return sub;
  };
  add_one("add", "A new one, made and shown once", add, true)
      ->add_flag("--json", arguments->json, "The result as JSON");
  add_one("list", "Those there are, with their last use", list, false)
      ->add_flag("--json", arguments->json, "The result as JSON");
  add_one("revoke", "Ends one, and the sessions that signed in with it", revoke, true);
}

}  // namespace mailstead::agent
