#include "agent/config/config.h"

#include "agent/config/document.h"
#include "agent/config/json_cursor.h"
#include "agent/config/sections.h"
#include "mail/digest.h"

#include <nlohmann/json.hpp>

namespace mailstead::agent {

const mail::Srs& SenderRewriting::srs() const {
  std::lock_guard lock(mutex_);
  if (!srs_) srs_.emplace(secret_(), domain_);
  return *srs_;
}
namespace {

using nlohmann::json;

// Calls read(name, value, pointer) for each entry of a section of named entries.
template <typename Read>
void for_each_entry(Section& root, std::string_view key, Read&& read) {
  const json* entries = root.find(key);
  if (entries == nullptr) return;
  if (!entries->is_object()) {
    root.fault(key, "must be an object in braces: a name for each");
    return;
  }
  for (const auto& [name, value] : entries->items()) {
    std::string pointer = root.pointer_to(key);
    append_token(pointer, name);
    if (std::string fault = fault_of_name(name); !fault.empty())
      root.reading().faults.push_back({pointer, std::move(fault), {}});
    read(name, value, pointer);
  }
}

void read_all(Section root, Config& config) {
  Reading& reading = root.reading();
  read_general(root, config);
  for_each_entry(root, "users", [&](const std::string& name, const json& value, const std::string& pointer) {
    Section section(value, pointer, "user", reading);
    UserConfig& user = config.users[name] = {name};
    user.quota = section.size("quota");
    user.quota_messages = section.count("quota_messages", 1, 1'000'000'000);
  });
  for_each_entry(root, "accounts", [&](const std::string& name, const json& value, const std::string& pointer) {
    AccountConfig& account = config.accounts[name] = read_account(name, {value, pointer, "account", reading});
    account.written = mail::to_hex(mail::sha256(value.dump(-1, ' ', false, json::error_handler_t::replace)));
  });
  for_each_entry(root, "destinations", [&](const std::string& name, const json& value, const std::string& pointer) {
    config.destinations[name] = read_destination(name, value, pointer, config.retry, reading);
  });
  for_each_entry(root, "spam_filters", [&](const std::string& name, const json& value, const std::string& pointer) {
    config.spam_filters[name] = read_spam_filter(name, value, pointer, reading);
  });
  for_each_entry(root, "listeners", [&](const std::string& name, const json& value, const std::string& pointer) {
    config.listeners[name] = read_listener(name, {value, pointer, "listener", reading});
  });
  check_listeners(config, root);
  read_routing(root, config);
  read_rules(root, config);
}

std::shared_ptr<const Config> read(const std::unique_ptr<Document>& document, const std::string& name,
                                   std::vector<ConfigProblem>& problems, std::size_t problems_before) {
  if (!document) return nullptr;
  std::vector<Fault> faults;
  Reading reading{*document, faults};
  auto config = std::make_shared<Config>();
  config->file = name;
  read_all({document->root(), {}, "configuration", reading}, *config);
  for (ConfigProblem& problem : document->placed(faults)) problems.push_back(std::move(problem));
  if (problems.size() != problems_before) return nullptr;
  return config;
}

}  // namespace

std::shared_ptr<const Config> load_config(const std::string& path, std::vector<ConfigProblem>& problems) {
  std::size_t before = problems.size();
  auto document = Document::load(path, problems);
  return read(document, path, problems, before);
}

std::shared_ptr<const Config> parse_config(std::string_view text, const std::string& name, const std::string& directory,
                                           std::vector<ConfigProblem>& problems) {
  std::size_t before = problems.size();
  auto document = Document::from_text(text, name, directory, problems);
  return read(document, name, problems, before);
}

}  // namespace mailstead::agent
