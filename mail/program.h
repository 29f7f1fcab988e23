// A program of this machine as the user names it, for messages to go through.
#pragma once

#include <chrono>
#include <string>
#include <utility>
#include <vector>

namespace mailstead::mail {

struct ProgramSettings {
  // The program (a name to be found in PATH, a path from "/" or from "~/", the home of `user`) and its arguments; with
  // `shell` one text for /bin/sh.
  std::vector<std::string> command;
  bool shell = false;
  std::string user;  // whom it runs as; "" ourselves
  std::chrono::seconds timeout{30};
  std::vector<std::pair<std::string, std::string>> environment;  // variables of the user's own, before the usual ones
  bool operator==(const ProgramSettings&) const = default;
};

// What is wrong with a command as it is written, or "".
[[nodiscard]] std::string fault_of_command(const ProgramSettings& settings);
// For people: `spamc -c`, one printable line, shortened.
[[nodiscard]] std::string program_text(const ProgramSettings& settings);

}  // namespace mailstead::mail
