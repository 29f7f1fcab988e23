// How rules run programs. The router does no I/O itself: whoever asks for a decision brings this along.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "mail/content.h"
#include "mail/program.h"

namespace mailstead::router {

struct Subject;

// How a program ended.
struct ProgramEnd {
  bool exited = false;  // by itself, with `status`; else it was not started, ended by a signal, or ended by us
  int status = 0;
  std::string words;  // what happened and what it said, printable: "ended with status 1: no such list"
};

// Thread-safe. Throws Failure(kCancelled) on a stop request, and others for trouble of ours: then the test or the
// action could not be done.
class Programs {
 public:
  virtual ~Programs() = default;
  // Runs the program on the message as it was received; `output` gets what it writes.
  [[nodiscard]] virtual ProgramEnd ask(const mail::ProgramSettings& program, const Subject& subject,
                                       std::string& output) const = 0;
  // Runs it on `message`, a form of the subject's; `made` gets what it writes as a message, with CRLF where `message`
  // has them, and without a "From " line in front.
  [[nodiscard]] virtual ProgramEnd filter(const mail::ProgramSettings& program, const Subject& subject,
                                          const std::string& rule, std::shared_ptr<const mail::Content> message,
                                          std::shared_ptr<const mail::Content>& made) const = 0;
};

}  // namespace mailstead::router
