// A program as destination: an MDA (procmail, maildrop, dovecot-lda) or a script gets each message on its standard
// input and answers by its exit status, after sysexits.h.
//
// Bytes: the message as it is kept, with LF line ends where the way back is known; no header is added. The envelope is
// in the environment (docs/DELIVERY.md) and, where the command asks for it, in its arguments: "${sender}" and
// "${recipient}" are filled in, a word that is "${recipient}" alone becomes one word per recipient. Not in a text for
// the shell.
//
// A program cannot be asked whether it had a message: after an attempt whose answer was lost it gets it again, with
// MAILSTEAD_AGAIN set.
#pragma once

#include <memory>
#include <string>

#include "connectors/destination.h"
#include "mail/program.h"

namespace mailstead::local {

struct PipeSettings {
  std::string name;  // of the destination, for the program to see
  mail::ProgramSettings program;
};

[[nodiscard]] std::unique_ptr<delivery::Destination> make_pipe(PipeSettings settings);

// What an exit status means: the kind of answer, its enhanced code (RFC 3463) and a word for people, "no such user".
struct ExitMeaning {
  delivery::Reply::Kind kind = delivery::Reply::Kind::kPermanent;
  const char* enhanced = "5.3.0";
  const char* word = "";
};
[[nodiscard]] ExitMeaning meaning_of_exit(int status, bool shell) noexcept;

}  // namespace mailstead::local
