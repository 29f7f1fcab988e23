#include "agent/commands/command.h"
#include "agent/commands/list.h"

namespace mailstead::agent {

const std::vector<Command>& commands() {
  static const std::vector<Command> table{
      {"run", "The agent in the foreground: polls, routes, delivers, serves", add_run},
      {"poll", "One poll of the named (or all) accounts, then exit", add_poll},
      {"check", "Validate the configuration; --connect signs in everywhere, --data checks what is kept", add_check},
      {"route", "Explain what the rules do with a message; nothing is delivered", add_route},
      {"reroute", "Put mail that is kept where the rules want it today", add_reroute},
      {"explain", "The history of a message: where did that mail go?", add_explain},
      {"status", "Accounts, queue, mailboxes and listeners", add_status},
      {"queue", "The deliveries not yet done", add_queue},
      {"user", "Users of the internal IMAP and POP3 server", add_user},
      {"folders", "The folders of a remote account", add_folders},
      {"demo", "The whole way on sample mail in a temporary directory; no account needed", add_demo},
  };
  return table;
}

}  // namespace mailstead::agent
