// Programs that get a message on their standard input: how they are started, and in which form they see it.
#pragma once

#include <memory>
#include <string>

#include "connectors/process/environment.h"
#include "connectors/process/run.h"
#include "mail/content.h"
#include "mail/program.h"

namespace mailstead::process {

// As that user, in his home (or / where there is none), with a clean environment and umask 077. Throws
// Failure(kConfiguration, kAccount) when there is no such program or user, or we may not become him.
[[nodiscard]] Program prepare(const mail::ProgramSettings& settings, const Variables& variables);

// A message for a program: with LF line ends, as programs of Unix expect, unless the way back would be lost (it has an
// LF without CR somewhere). Reads the content once to find out. Throws Failure(kStorage, kMessage), as the source does.
class MessageInput {
 public:
  explicit MessageInput(std::shared_ptr<const mail::Content> content);
  [[nodiscard]] bool has_unix_lines() const noexcept { return unix_lines_; }
  // From the beginning; shares the content.
  [[nodiscard]] Source source() const;

 private:
  std::shared_ptr<const mail::Content> content_;
  bool unix_lines_ = false;
};

}  // namespace mailstead::process
