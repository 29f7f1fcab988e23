// What a spam filter thinks of a message, whichever it is.
#pragma once

#include <string>
#include <vector>

namespace mailstead::mail {

struct SpamVerdict {
  bool spam = false;                 // by the filter's own measure
  double score = 0, required = 0;    // `required`: from where on it takes a message for spam, or would reject it
  std::string action;                // rspamd's; "" none. Printable
  std::vector<std::string> symbols;  // names of the tests that counted. Printable
};

}  // namespace mailstead::mail
