// The command line: global options, subcommands, help, suggestions, exit statuses.
#pragma once

namespace mailstead::agent {

// The whole program. Returns its exit status; nothing is thrown.
[[nodiscard]] int run_command_line(int argc, char** argv);

}  // namespace mailstead::agent
