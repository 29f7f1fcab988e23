// A fault of the configuration, placed as exactly as it can be.
#pragma once

#include <string>
#include <vector>

namespace mailstead::agent {

struct ConfigProblem {
  std::string file;     // as given on the command line or by "include"
  unsigned line = 0;    // from 1; 0 when no place is known (file missing)
  unsigned column = 0;  // from 1, in octets; for faults of the syntax only
  std::string pointer;  // RFC 6901; "" for faults of the syntax
  std::string what;
  std::string hint;  // "did you mean …?" or how to mend it; may be empty
};

// One line: mailstead.json:14: /accounts/work/tls: "startls" is not one of … (did you mean "starttls"?)
[[nodiscard]] std::string text_of(const ConfigProblem& problem);

}  // namespace mailstead::agent
