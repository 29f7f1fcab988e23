// A message as the body of a multi-line reply (RFC 1939 §3): dot-stuffing and the terminator, incremental.
//
// Octets are sent as they are kept. A dot is stuffed after CRLF as the RFC asks, and after a bare LF as well: many
// clients read lines by LF alone and would take a lone dot there for the end, and the rest of the message for
// replies. A message without a final CRLF gets one in front of the terminator.
#pragma once

#include <string>
#include <string_view>

namespace mailstead::pop3 {

class DotEncoder {
 public:
  void encode(std::string_view bytes, std::string& output);
  // The terminator. The object may be used for another message afterwards.
  void finish(std::string& output);

 private:
  char last_ = '\n';  // the last two octets, as if a line had just ended
  char before_last_ = '\r';
};

}  // namespace mailstead::pop3
