// A range of a message with its transfer encoding undone, in pieces.
#pragma once

#include <string>

#include "connectors/imap/server/body_section.h"
#include "mail/content.h"
#include "mail/transfer_decoder.h"

namespace mailstead::imap {

// The content must outlive it.
class DecodedRange {
 public:
  DecodedRange(const mail::Content& content, ByteRange range, mail::TransferEncoding encoding)
      : content_(content), range_(range), decoder_(encoding) {}
  [[nodiscard]] bool at_end() const noexcept { return ended_; }
  // Perhaps nothing, when little is decided yet. Throws when the octets end before the range does.
  [[nodiscard]] std::string next();

 private:
  const mail::Content& content_;
  ByteRange range_;
  mail::TransferDecoder decoder_;
  bool ended_ = false;
};

}  // namespace mailstead::imap
