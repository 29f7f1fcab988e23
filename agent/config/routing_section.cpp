// How the parts refer to each other: the default destination, who carries redirects, whose mailbox keeps what cannot be
// delivered, the users of mailboxes; and the rules.
#include "agent/config/json_cursor.h"
#include "agent/config/sections.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace mailstead::agent {
namespace {

using Type = DestinationConfig::Type;

std::string only_name(const Config& config) {
  return config.destinations.size() == 1 ? config.destinations.begin()->first : std::string();
}

void read_default(Section& root, Config& config) {
  if (auto name = root.text("default_destination")) {
    if (!config.destinations.contains(*name))
      root.fault("default_destination", "there is no destination " + in_quotes(*name),
                 suggestion(*name, names_in(config.destinations)));
    config.default_destination = *name;
    return;
  }
  if (root.has("default_destination")) return;
  config.default_destination = only_name(config);
  if (!config.default_destination.empty() || config.accounts.empty()) return;
  if (config.destinations.empty() && root.find("destinations") == nullptr) {
    root.fault({}, "\"destinations\" is missing: mail would have nowhere to go",
               R"(add {"home": {"type": "mailbox", "user": "alice"}})");
  } else {
    root.fault({}, "\"default_destination\" is missing: mail that no rule decides on would have nowhere to go");
  }
}

void read_redirect(Section& root, Config& config) {
  std::vector<std::string> carriers;
  for (const auto& [name, destination] : config.destinations)
    if (destination.type == Type::kSmtp) carriers.push_back(name);
  if (auto name = root.text("redirect_destination")) {
    bool carries = std::find(carriers.begin(), carriers.end(), *name) != carriers.end();
    if (!carries)
      root.fault("redirect_destination", in_quotes(*name) + " is no destination of type smtp",
                 suggestion(*name, carriers));
    config.redirect_destination = *name;
    return;
  }
  bool default_carries = std::find(carriers.begin(), carriers.end(), config.default_destination) != carriers.end();
  if (default_carries) {
    config.redirect_destination = config.default_destination;
  } else if (!carriers.empty()) {
    config.redirect_destination = carriers.front();
  }
}

void check_user(Section& root, const Config& config, const std::string& user, const std::string& pointer) {
  if (user.empty() || config.users.contains(user)) return;
  std::string hint = suggestion(user, names_in(config.users));
  if (hint.empty()) hint = "add \"users\": {" + in_quotes(user) + ": {}}";
  root.reading().faults.push_back({pointer, "there is no user " + in_quotes(user), hint});
}

// Somebody's mailbox must keep what comes back: the owner of the default mailbox, of any mailbox, any user.
std::string undelivered_user_of(const Config& config) {
  auto found = config.destinations.find(config.default_destination);
  if (found != config.destinations.end() && !found->second.user.empty()) return found->second.user;
  for (const auto& [name, destination] : config.destinations)
    if (!destination.user.empty()) return destination.user;
  return config.users.empty() ? "postmaster" : config.users.begin()->first;
}

}  // namespace

void read_routing(Section& root, Config& config) {
  read_default(root, config);
  read_redirect(root, config);
  for (const auto& [name, destination] : config.destinations)
    if (destination.type == Type::kMailbox) {
      std::string pointer = root.pointer_to("destinations");
      append_token(pointer, name);
      check_user(root, config, destination.user, pointer + "/user");
    }
  if (config.undelivered_user.empty()) {
    config.undelivered_user = undelivered_user_of(config);
  } else {
    check_user(root, config, config.undelivered_user, "/undelivered/user");
  }
}

void read_rules(Section& root, Config& config) {
  router::RuleContext context;
  for (const auto& [name, account] : config.accounts) context.accounts.insert(name);
  for (const auto& [name, destination] : config.destinations) {
    context.destinations.insert(name);
    if (destination.type == Type::kSmtp) context.carriers.insert(name);
    if (destination.type == Type::kWebhook && destination.format == http::WebhookFormat::kNotice)
      context.notifying.insert(name);
    const bool knows_users =
        destination.type == Type::kLmtp || destination.type == Type::kPipe || destination.type == Type::kWebhook;
    const bool has_recipients = destination.type == Type::kSmtp || knows_users;
    if (has_recipients || destination.type == Type::kMbox) context.without_folder.insert(name);
    if (!has_recipients) context.without_recipients.insert(name);
    if (destination.srs)
      context.rewriting[name] = [rewriting = destination.srs](std::string_view address, mail::WallTime now) {
        return rewriting->srs().reverse(address, now);
      };
    if (knows_users) context.with_user_names.insert(name);
  }
  for (const auto& [name, filter] : config.spam_filters) {
    context.spam_filters.insert(name);
    if (filter.type == SpamFilterConfig::Type::kSpamAssassin) context.without_action.insert(name);
  }
  context.default_destination = config.default_destination;
  context.groups = root.find("rule_groups");
  context.can_redirect = !config.redirect_destination.empty();
  static const nlohmann::json kNoRules = nlohmann::json::array();
  const nlohmann::json* rules = root.find("rules");
  config.rules = router::RuleSet::compile(rules != nullptr ? *rules : kNoRules, context, root.reading().faults);
  if (rules != nullptr && rules->is_null()) root.fault("rules", "must be a list, not null");
}

}  // namespace mailstead::agent
