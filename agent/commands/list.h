// The subcommands, each in the file of its name.
#pragma once

#include <functional>

namespace CLI {
class App;
}

namespace mailstead::agent {

struct GlobalOptions;

std::function<int()> add_check(CLI::App& app, const GlobalOptions& options);
std::function<int()> add_demo(CLI::App& app, const GlobalOptions& options);
std::function<int()> add_explain(CLI::App& app, const GlobalOptions& options);
std::function<int()> add_folders(CLI::App& app, const GlobalOptions& options);
std::function<int()> add_poll(CLI::App& app, const GlobalOptions& options);
std::function<int()> add_queue(CLI::App& app, const GlobalOptions& options);
std::function<int()> add_reroute(CLI::App& app, const GlobalOptions& options);
std::function<int()> add_route(CLI::App& app, const GlobalOptions& options);
std::function<int()> add_run(CLI::App& app, const GlobalOptions& options);
std::function<int()> add_status(CLI::App& app, const GlobalOptions& options);
std::function<int()> add_user(CLI::App& app, const GlobalOptions& options);

}  // namespace mailstead::agent
