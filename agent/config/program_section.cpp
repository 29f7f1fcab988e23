// A program that gets messages: command, shell, timeout, user. The rules have the same keys (router/program.cpp).
#include "agent/config/sections.h"

#include <nlohmann/json.hpp>

namespace mailstead::agent {

using namespace std::chrono_literals;

void read_program(Section& section, std::chrono::seconds usual_timeout, mail::ProgramSettings& made) {
  made.shell = section.flag("shell").value_or(false);
  made.user = section.text("user").value_or("");
  made.timeout = section.duration("timeout", 1s, 1h).value_or(usual_timeout);
  if (!section.require("command", R"(such as ["/usr/bin/procmail", "-d", "alice"])")) return;
  const bool is_text = section.find("command")->is_string();
  if (is_text != made.shell) {
    section.fault("command",
                  made.shell ? "is a list; for the shell it is one text" : "is a text; without \"shell\" it is a list",
                  made.shell ? R"(write "command": "formail -f | sendmail alice", or leave "shell" out)"
                             : R"(write ["program", "argument"], or add "shell": true)");
    return;
  }
  const std::size_t before = section.reading().faults.size();
  made.command = section.texts("command");
  if (section.reading().faults.size() != before) return;
  if (std::string fault = mail::fault_of_command(made); !fault.empty()) section.fault("command", fault);
}

}  // namespace mailstead::agent
