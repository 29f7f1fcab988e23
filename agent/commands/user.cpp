// mailstead user add|passwd|list|remove|app-password: who may sign in to our own IMAP and POP3 servers.
#include "agent/commands/app_password.h"
#include "agent/commands/ask.h"
#include "agent/commands/command.h"
#include "agent/commands/list.h"
#include "agent/commands/password.h"
#include "agent/commands/table.h"
#include "connectors/sasl/keys.h"
#include "mail/escape.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

namespace mailstead::agent {

namespace {

using nlohmann::json;

constexpr std::size_t kMaxName = 128;

struct UserArguments {
  std::string name;
  bool password_stdin = false, json = false;
};

void require_name(const std::string& name) {
  const bool fit =
      !name.empty() && name.size() <= kMaxName &&
      std::all_of(name.begin(), name.end(), [](unsigned char c) { return c > 0x20 && c != 0x7F && c != '/'; });
  if (!fit)
    throw Refusal{"", "not a user name: \"" + name + "\"",
                  "no blanks, control characters or slashes, at most 128 octets"};
}

mail::Secret new_password(const UserArguments& arguments) {
  return ask_password(arguments.password_stdin, "Password for " + arguments.name);
}

// Beside app passwords a user's salt stays (connectors/sasl/keys.h).
sasl::ScramKeys changed_keys(const Config& config, const UserArguments& arguments) {
  const auto password = new_password(arguments);
  const auto store = open_to_read(config);
  const auto user = store ? store->users().find(arguments.name) : std::nullopt;
  const auto old = user && !user->app_passwords.empty() ? sasl::decode_keys(user->keys) : std::nullopt;
  return old ? sasl::make_keys_beside(*old, password) : sasl::make_keys(password);
}

int add(const GlobalOptions& options, const UserArguments& arguments) {
  require_name(arguments.name);
  const auto config = load(options);
  const auto keys = sasl::encode_keys(sasl::make_keys(new_password(arguments)));
  (void)ask_or_do(*config, {{"do", "user add"}, {"name", arguments.name}, {"keys", keys}});
  fmt::print("user {} can sign in now\n", arguments.name);
  if (!config->users.contains(arguments.name))
    complain(config->file, fmt::format("note: \"{}\" is not among the users there", arguments.name),
             "only users named in the configuration can be a mailbox destination");
  return kDone;
}

int passwd(const GlobalOptions& options, const UserArguments& arguments) {
  const auto config = load(options);
  const auto keys = sasl::encode_keys(changed_keys(*config, arguments));
  (void)ask_or_do(*config, {{"do", "user passwd"}, {"name", arguments.name}, {"keys", keys}});
  fmt::print("the password of {} is changed\n", arguments.name);
  return kDone;
}

int remove(const GlobalOptions& options, const UserArguments& arguments) {
  (void)ask_or_do(*load(options), {{"do", "user remove"}, {"name", arguments.name}});
  fmt::print("user {} can no longer sign in; the mailboxes are kept\n", arguments.name);
  return kDone;
}

int list(const GlobalOptions& options, const UserArguments& arguments) {
  const auto config = load(options);
  const auto store = open_to_read(*config);
  const auto users = store ? store->users().list() : std::vector<storage::User>{};
  if (arguments.json) {
    json all = json::array();
    for (const auto& user : users)
      all.push_back({{"name", user.name}, {"created", user.created.time_since_epoch().count()}});
    fmt::print("{}\n", all.dump(2, ' ', false, json::error_handler_t::replace));
    return kDone;
  }
  Table table({"USER", "SINCE"});
  for (const auto& user : users) table.row({mail::printable(user.name), local_time(user.created)});
  if (table.empty())
    fmt::print("nobody can sign in yet; see: mailstead user add NAME\n");
  else
    fmt::print("{}", table.text());
  return kDone;
}

}  // namespace

std::function<int()> add_user(CLI::App& app, const GlobalOptions& options) {
  auto arguments = std::make_shared<UserArguments>();
  auto chosen = std::make_shared<std::function<int()>>();
  app.require_subcommand(1);
  auto add_one = [&](const char* name, const char* summary, int (*run)(const GlobalOptions&, const UserArguments&)) {
    CLI::App* sub = app.add_subcommand(name, summary);
    sub->callback([chosen, run, arguments, &options] { *chosen = [=, &options] { return run(options, *arguments); }; });
    return sub;
  };
  auto with_password = [&](CLI::App* sub) {
    sub->add_option("NAME", arguments->name, "The user")->required();
    sub->add_flag("--password-stdin", arguments->password_stdin, "Read the password from standard input");
  };
  with_password(add_one("add", "A new user; asks for a password", add));
  with_password(add_one("passwd", "A new password", passwd));
  add_one("list", "Who can sign in", list)->add_flag("--json", arguments->json, "The result as JSON");
  add_one("remove", "Ends the sign-in; the mailboxes are kept", remove)
      ->add_option("NAME", arguments->name, "The user")
      ->required();
  add_app_passwords(app, options, chosen);
  return [chosen] { return (*chosen)(); };
}

}  // namespace mailstead::agent
