#include "agent/commands/trace_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <system_error>

#include "agent/commands/command.h"
#include "connectors/descriptor.h"

namespace mailstead::agent {
namespace {

// One write per line: lines of several threads (and processes, in a file) do not mix.
void write_line(int descriptor, const std::string& line) {
  const std::string whole = line + '\n';
  std::string_view rest(whole);
  while (!rest.empty()) {
    const auto written = ::write(descriptor, rest.data(), rest.size());
    if (written < 0 && errno != EINTR) return;
    if (written > 0) rest.remove_prefix(static_cast<std::size_t>(written));
  }
}

}  // namespace

net::TraceSink trace_to(const std::string& file) {
  if (file == "-") return [](const std::string& line) { write_line(STDERR_FILENO, line); };
  auto opened = std::make_shared<const connectors::Descriptor>(
      ::open(file.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!*opened) throw Refusal{file, "the trace cannot be written: " + std::generic_category().message(errno), ""};
  return [opened](const std::string& line) { write_line(opened->get(), line); };
}

}  // namespace mailstead::agent
