// A password from a program's output. Its standard input is empty, its standard error is ours; it sees our environment.
#include "agent/config/secret_source.h"
#include "connectors/process/environment.h"
#include "connectors/process/run.h"

namespace mailstead::agent {

mail::Secret secret_of_command(const std::vector<std::string>& command, std::chrono::seconds time) {
  const std::string name = "the password command " + in_quotes(command.front());
  process::Request request;
  request.program.command = command;
  request.program.environment = process::whole_environment();
  request.errors_to_ours = true;
  request.limits = {time, kMaxSecretBytes};
  process::Outcome outcome = process::run(request);
  const mail::Secret kept(std::move(outcome.output));  // wiped, whatever comes
  using End = process::Outcome::End;
  if (outcome.end == End::kWroteTooMuch) fail_secret(name + " writes too much");
  if (outcome.end == End::kTookTooLong)
    fail_secret(name + " was stopped: it took longer than " + std::to_string(time.count()) + " s");
  if (!outcome.exited_with(0)) fail_secret(name + " " + outcome.trouble);
  return first_line(std::string(kept.reveal()), name);
}

}  // namespace mailstead::agent
