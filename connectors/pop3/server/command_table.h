// The commands of our POP3 server; each has a file of its own.
#pragma once

#include <string_view>

namespace mailstead::pop3 {

class Session;

struct Command {
  std::string_view verb;
  unsigned states;  // of Session::State
  void (*run)(Session&, std::string_view argument);
  bool long_line = false;  // up to mail::kMaxLoginLine instead of kMaxCommand
};
// nullptr: no such command.
[[nodiscard]] const Command* find_command(std::string_view verb) noexcept;

void run_auth(Session& session, std::string_view argument);
void run_capa(Session& session, std::string_view argument);
void run_dele(Session& session, std::string_view argument);
void run_list(Session& session, std::string_view argument);
void run_noop(Session& session, std::string_view argument);
void run_pass(Session& session, std::string_view argument);
void run_quit(Session& session, std::string_view argument);
void run_retr(Session& session, std::string_view argument);
void run_rset(Session& session, std::string_view argument);
void run_stat(Session& session, std::string_view argument);
void run_stls(Session& session, std::string_view argument);
void run_top(Session& session, std::string_view argument);
void run_uidl(Session& session, std::string_view argument);
void run_user(Session& session, std::string_view argument);

}  // namespace mailstead::pop3
