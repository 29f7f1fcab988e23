// A message that we write in answer to one that came: "I am away" (RFC 3834 §3, RFC 5230 §5). Whether it may be written
// at all is for others to say (router/actions/vacation.cpp).
#pragma once

#include <string>
#include <string_view>

#include "mail/clock.h"

namespace mailstead::mail {

struct AutoReply {
  std::string from;           // as it may stand in the field: an address with or without a name
  std::string to;             // an address
  std::string subject, text;  // UTF-8
  std::string_view original_header;
  WallTime now;
  std::string host;       // our name
  std::string unique_id;  // left side of the Message-ID
};

// A complete message with CRLF line ends, for the null sender (RFC 3834 §3.3).
[[nodiscard]] std::string build_auto_reply(const AutoReply& reply);

}  // namespace mailstead::mail
