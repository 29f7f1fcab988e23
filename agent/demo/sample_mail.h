// The mail of `mailstead demo`: two accounts' worth, with what makes real mail hard.
#pragma once

#include <string>
#include <vector>

namespace mailstead::agent::demo {

struct SampleMessage {
  std::string account;  // "work" or "old-isp"
  std::string folder;   // on the source
  std::string bytes;    // CRLF line ends
};

// Always the same: duplicates between the accounts (one with other transport headers), a list message, a large
// attachment, non-ASCII headers in several charsets, junk, a message without a header, one with a lone LF.
[[nodiscard]] std::vector<SampleMessage> sample_mail();

}  // namespace mailstead::agent::demo
