// mailstead user app-password: passwords for single clients of a user, made by us and revoked one by one.
#pragma once

#include <functional>
#include <memory>

#include "agent/commands/command.h"

namespace mailstead::agent {

// Adds its subcommands to `user`; the one that was chosen puts what is to run into `chosen`.
void add_app_passwords(CLI::App& user, const GlobalOptions& options,
                       const std::shared_ptr<std::function<int()>>& chosen);

}  // namespace mailstead::agent
