// The failures of file calls in the words of this folder.
#pragma once

#include <string>

namespace mailstead::local {

// Throws the Failure that `error` (an errno) stands for: what the user must mend (rights, a missing parent) as
// kConfiguration/kAccount, everything else (full disk, I/O) as kTemporary/kSession. `where` is a path, `what` a verb.
[[noreturn]] void throw_file_failure(int error, const std::string& where, const char* what);

}  // namespace mailstead::local
