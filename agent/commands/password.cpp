#include "agent/commands/password.h"

#include "agent/commands/command.h"

#include <fmt/format.h>

#include <termios.h>
#include <unistd.h>

#include <cstdio>

namespace mailstead::agent {

namespace {

constexpr std::size_t kMaxPassword = 1024;

class NoEcho {
 public:
  NoEcho() {
    ::tcgetattr(STDIN_FILENO, &before_);
    termios silent = before_;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
  }
  ~NoEcho() { ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_); }
  NoEcho(const NoEcho&) = delete;
  NoEcho& operator=(const NoEcho&) = delete;

 private:
  termios before_{};
};

// Octet by octet, so that nothing of what follows is taken and no buffer of the C library keeps a copy.
mail::Secret read_line() {
  std::string line;
  char c = 0;
  while (line.size() < kMaxPassword && ::read(STDIN_FILENO, &c, 1) == 1 && c != '\n') line += c;
  if (!line.empty() && line.back() == '\r') line.pop_back();
  return mail::Secret(std::move(line));
}

mail::Secret ask_once(const std::string& prompt) {
  fmt::print(stderr, "{}: ", prompt);
  std::fflush(stderr);
  NoEcho silent;
  auto secret = read_line();
  fmt::print(stderr, "\n");
  return secret;
}

}  // namespace

mail::Secret ask_password(bool from_stdin, const std::string& prompt) {
  mail::Secret secret;
  if (from_stdin) {
    secret = read_line();
  } else {
    if (::isatty(STDIN_FILENO) != 1)
      throw Refusal{"", "there is no terminal to ask for a password on", "use --password-stdin"};
    secret = ask_once(prompt);
    const auto again = ask_once("Once more");
    if (!mail::equal_in_constant_time(secret.reveal(), again.reveal()))
      throw Refusal{"", "the two passwords differ", "nothing was changed"};
  }
  if (secret.empty()) throw Refusal{"", "an empty password", "nothing was changed"};
  return secret;
}

}  // namespace mailstead::agent
