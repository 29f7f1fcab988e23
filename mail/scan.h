// Everything that must be known about a message when it arrives, found in one pass over its bytes as they come:
// content digest, fingerprint, header block, MIME structure, and what the wire will need to know later.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "mail/digest.h"
#include "mail/limits.h"
#include "mail/structure.h"

namespace mailstead::mail {

struct MessageFacts {
  ByteCount size = 0;
  Sha256 content{};      // over all bytes as they are
  Sha256 fingerprint{};  // identity across accounts: normalised Message-ID, From, Date, Subject, and the body with line
                         // ends normalised to LF and trailing blank lines dropped; transport fields do not count
  std::string header;    // the header block with its blank line, at most ParseLimits::header_bytes
  std::string message_id;  // with its angle brackets, blanks removed; empty when there is none
  Part structure;
  std::size_t received_fields = 0;
  bool has_8bit = false;
  bool has_nul = false;
  bool has_bare_cr_or_lf = false;
  std::size_t longest_line = 0;  // octets without line end
};

// Memory as StructureParser plus the header. One thread at a time.
class MessageScanner {
 public:
  explicit MessageScanner(const ParseLimits& limits = {});
  ~MessageScanner();
  MessageScanner(MessageScanner&&) noexcept;
  MessageScanner& operator=(MessageScanner&&) noexcept;
  void feed(std::string_view bytes);
  [[nodiscard]] MessageFacts finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

[[nodiscard]] MessageFacts scan_message(std::string_view message, const ParseLimits& limits = {});

}  // namespace mailstead::mail
