// What a server announces in its answer to EHLO or LHLO (RFC 5321 §4.1.1.1), as far as we use it.
#pragma once

#include <string>
#include <vector>

#include "connectors/smtp/reply_decoder.h"
#include "mail/limits.h"

namespace mailstead::smtp {

struct Extensions {
  bool pipelining = false;              // RFC 2920
  bool eight_bit_mime = false;          // RFC 6152
  bool start_tls = false;               // RFC 3207
  bool smtp_utf8 = false;               // RFC 6531
  bool size = false;                    // RFC 1870
  mail::ByteCount size_limit = 0;       // 0: none told
  std::vector<std::string> mechanisms;  // of AUTH (RFC 4954), upper case
  std::vector<std::string> keywords;    // all, upper case, printable, for people
};

[[nodiscard]] Extensions parse_extensions(const WireReply& hello);

}  // namespace mailstead::smtp
