#include "agent/commands/command.h"

#include "agent/commands/trace_file.h"
#include "mail/escape.h"

#include <fmt/format.h>

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>

namespace mailstead::agent {

void complain(const std::string& where, const std::string& what, const std::string& hint) {
  std::string line = "mailstead: ";
  if (!where.empty()) line += where + ": ";
  line += what;
  if (!hint.empty()) line += ": " + hint;
  fmt::print(stderr, "{}\n", mail::printable(line, 4096));
}

void complain(const mail::Failure& failure) {
  complain("", failure.text());
}

std::string config_file(const GlobalOptions& options) {
  if (!options.config_file.empty()) return options.config_file;
  if (const char* named = std::getenv("MAILSTEAD_CONFIG"); named != nullptr && *named != '\0') return named;
  std::vector<std::string> places;
  if (const char* home = std::getenv("HOME")) places.push_back(std::string(home) + "/.config/mailstead/mailstead.json");
  places.emplace_back("/etc/mailstead/mailstead.json");
  for (const auto& place : places)
    if (::access(place.c_str(), F_OK) == 0) return place;
  throw Refusal{"", "there is no configuration",
                fmt::format("write {} (config-samples/minimal.json is a start) or name one by: -c FILE",
                            fmt::join(places, " or "))};
}

std::shared_ptr<const Config> load(const GlobalOptions& options) {
  const std::string file = config_file(options);
  std::vector<ConfigProblem> problems;
  auto config = load_config(file, problems);
  for (const auto& problem : problems) fmt::print(stderr, "{}\n", text_of(problem));
  if (!config) {
    throw Refusal{file,
                  fmt::format("{} {} in the configuration", problems.size(), problems.size() == 1 ? "fault" : "faults"),
                  "nothing was done"};
  }
  auto adjusted = std::make_shared<Config>(*config);
  if (!options.data_dir.empty()) adjusted->data_dir = std::filesystem::absolute(options.data_dir).string();
  if (options.log_format == "json") adjusted->log.format = LogConfig::Format::kJson;
  if (options.log_format == "text") adjusted->log.format = LogConfig::Format::kText;
  const int level = static_cast<int>(adjusted->log.level) + options.verbosity;
  adjusted->log.level = static_cast<LogConfig::Level>(
      std::clamp(level, static_cast<int>(LogConfig::Level::kQuiet), static_cast<int>(LogConfig::Level::kDebug)));
  if (!options.trace.empty())
    for (const auto sink = trace_to(options.trace); auto& [name, account] : adjusted->accounts) account.trace = sink;
  return adjusted;
}

std::unique_ptr<storage::Store> open_to_read(const Config& config) {
  if (!std::filesystem::exists(config.data_dir)) return nullptr;
  storage::StoreOptions options;
  options.data_dir = config.data_dir;
  options.mode = storage::OpenMode::kReadOnly;
  try {
    return storage::open_store(options);
  } catch (const storage::NothingKept&) {
    return nullptr;
  }
}

std::unique_ptr<storage::Store> open_to_write(const Config& config) {
  storage::StoreOptions options;
  options.data_dir = config.data_dir;
  return storage::open_store(options);
}

}  // namespace mailstead::agent
