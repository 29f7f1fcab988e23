#include "mail/program.h"

#include "mail/escape.h"

namespace mailstead::mail {

std::string fault_of_command(const ProgramSettings& settings) {
  if (settings.command.empty() || settings.command.front().empty()) return "names no program";
  for (const std::string& word : settings.command)
    if (word.find('\0') != std::string::npos) return "holds a NUL";
  const std::string& program = settings.command.front();
  const bool is_relative =
      program.find('/') != std::string::npos && program.front() != '/' && !program.starts_with("~/");
  if (!settings.shell && is_relative)
    return '"' + printable(program, 80) + "\" begins nowhere: write its path from \"/\" or \"~/\", or its name alone";
  return "";
}

std::string program_text(const ProgramSettings& settings) {
  constexpr std::size_t kShown = 120;
  std::string text;
  for (const std::string& word : settings.command) {
    if (!text.empty()) text += ' ';
    const bool plain = settings.shell || (!word.empty() && word.find_first_of(" \t\n\"'") == std::string::npos);
    text += plain ? word : '\'' + word + '\'';
  }
  return printable(text, kShown);
}

}  // namespace mailstead::mail
