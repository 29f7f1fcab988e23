// A subcommand of `mailstead`: one file each, registered in the table of commands.cpp.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "agent/config/config.h"
#include "agent/log.h"
#include "storage/store.h"

namespace CLI {
class App;
}

namespace mailstead::agent {

// Exit statuses (interface.md).
inline constexpr int kDone = 0;
inline constexpr int kSomethingFailed = 1;
inline constexpr int kUsage = 2;
inline constexpr int kDirectoryHeld = 3;

// The options that every command takes.
struct GlobalOptions {
  std::string config_file;  // "" : the usual places
  std::string data_dir;     // "" : the configuration's
  int verbosity = 0;        // -v adds, -q subtracts
  std::string log_format;   // "" : the configuration's
  std::string color = "auto";
  std::string trace;  // file that gets the dialogue with the servers, "-": standard error; "": none
};

// What a command throws when it cannot begin: printed as one line, exit status 2 unless another is given.
struct Refusal {
  std::string where, what, hint;
  int status = kUsage;
};

// Prints `mailstead: WHERE: WHAT: HINT` on standard error.
void complain(const std::string& where, const std::string& what, const std::string& hint = {});
void complain(const mail::Failure& failure);

// Loads the configuration with the global options applied. Prints all its problems and throws Refusal when it has any.
[[nodiscard]] std::shared_ptr<const Config> load(const GlobalOptions& options);
// The file that load() reads. Throws Refusal when there is none in the usual places.
[[nodiscard]] std::string config_file(const GlobalOptions& options);

// For commands that only look: works beside a running agent. nullptr when nothing was ever kept.
[[nodiscard]] std::unique_ptr<storage::Store> open_to_read(const Config& config);
// For commands that work on the store themselves. DataDirectoryHeld when an agent runs.
[[nodiscard]] std::unique_ptr<storage::Store> open_to_write(const Config& config);

struct Command {
  const char* name;
  const char* summary;
  // Adds options and arguments to `app` and returns what runs when the command was chosen (its exit status).
  std::function<int()> (*add)(CLI::App& app, const GlobalOptions& options);
};

[[nodiscard]] const std::vector<Command>& commands();

}  // namespace mailstead::agent
