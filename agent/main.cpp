#include "agent/commands/command_line.h"

int main(int argc, char** argv) {
  return mailstead::agent::run_command_line(argc, argv);
}
