// What concerns the agent as a whole: data_dir, host_name, search_index, duplicates, status, undelivered, retry,
// limits, log.
#include <unistd.h>

#include "agent/config/paths.h"
#include "agent/config/sections.h"
#include "mail/ascii.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace mailstead::agent {
namespace {

using namespace std::chrono_literals;
using Scope = storage::DuplicateRule::Scope;
using Level = LogConfig::Level;
using Format = LogConfig::Format;

constexpr std::array<std::pair<std::string_view, Scope>, 3> kScopes = {
    {{"all", Scope::kAll}, {"account", Scope::kAccount}, {"none", Scope::kNone}}};
constexpr std::array<std::pair<std::string_view, bool>, 1> kDuplicateActions = {{{"skip", true}}};
constexpr std::array<std::pair<std::string_view, Level>, 5> kLevels = {{{"quiet", Level::kQuiet},
                                                                        {"error", Level::kError},
                                                                        {"warning", Level::kWarning},
                                                                        {"info", Level::kInfo},
                                                                        {"debug", Level::kDebug}}};
constexpr std::array<std::pair<std::string_view, Format>, 2> kFormats = {
    {{"text", Format::kText}, {"json", Format::kJson}}};

bool is_host_name(const std::string& name) {
  bool clean = std::all_of(name.begin(), name.end(),
                           [](char c) { return mail::is_letter(c) || mail::is_digit(c) || c == '-' || c == '.'; });
  return clean && !name.empty() && name.size() <= 253 && name.front() != '.' && name.front() != '-';
}

std::string own_host_name() {
  std::array<char, 256> buffer{};
  if (::gethostname(buffer.data(), buffer.size() - 1) != 0) return "localhost";
  std::string name(buffer.data());
  return is_host_name(name) ? name : "localhost";
}

template <typename Read>
void with_section(Section& root, std::string_view key, std::string_view kind, Read&& read) {
  if (const auto* value = root.find(key)) {
    Section section(*value, root.pointer_to(key), kind, root.reading());
    read(section);
  }
}

void read_duplicates(Section& section, Config& config) {
  config.duplicates.scope = section.choice("scope", kScopes).value_or(Scope::kAll);
  config.duplicates.window = section.duration("window", 1h, 36500 * 24h).value_or(config.duplicates.window);
  (void)section.choice("do", kDuplicateActions);
}

void read_log(Section& section, Config& config) {
  config.log.level = section.choice("level", kLevels).value_or(config.log.level);
  config.log.format = section.choice("format", kFormats).value_or(config.log.format);
}

void read_status(Section& section, Config& config) {
  if (!section.require("address", R"(such as "127.0.0.1:8025")")) return;
  config.status_address = section.text("address").value_or("");
  if (std::string fault = fault_of_address(config.status_address); !config.status_address.empty() && !fault.empty())
    section.fault("address", fault, R"(such as "127.0.0.1:8025")");
}

}  // namespace

std::string fault_of_name(const std::string& name) {
  if (name.empty()) return "an empty name";
  if (name.size() > 64) return "a name has at most 64 octets";
  bool clean = std::none_of(name.begin(), name.end(),
                            [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F || c == '/'; });
  if (!clean) return "a name has neither \"/\" nor control characters";
  if (mail::trim(name) != name) return "a name neither begins nor ends with a blank";
  return {};
}

void read_general(Section& root, Config& config) {
  config.data_dir = root.has("data_dir") ? root.path("data_dir").value_or("") : default_data_directory();
  config.host_name = root.text("host_name").value_or(own_host_name());
  if (!is_host_name(config.host_name)) root.fault("host_name", in_quotes(config.host_name) + " is no host name");
  config.search_index = root.flag("search_index").value_or(true);
  (void)root.text("$schema");
  with_section(root, "duplicates", "duplicates", [&](Section& section) { read_duplicates(section, config); });
  with_section(root, "retry", "retry", [&](Section& section) { read_retry(section, config.retry); });
  with_section(root, "limits", "limits", [&](Section& section) { read_limits(section, config.limits); });
  with_section(root, "log", "log", [&](Section& section) { read_log(section, config); });
  with_section(root, "status", "status", [&](Section& section) { read_status(section, config); });
  with_section(root, "undelivered", "undelivered", [&](Section& section) {
    if (section.require("user")) config.undelivered_user = section.text("user").value_or("");
  });
}

}  // namespace mailstead::agent
