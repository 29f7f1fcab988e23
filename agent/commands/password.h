// Asking for a password: twice on a terminal without echo, or one line of standard input.
#pragma once

#include <string>

#include "mail/secret.h"

namespace mailstead::agent {

// Throws Refusal when there is no terminal and `from_stdin` is false, when the two differ, or when it is empty.
[[nodiscard]] mail::Secret ask_password(bool from_stdin, const std::string& prompt);

}  // namespace mailstead::agent
