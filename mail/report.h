// Messages that we write ourselves: the report of a failed or late delivery (RFC 3464 in a multipart/report, RFC 6522).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "mail/clock.h"

namespace mailstead::mail {

struct FailedRecipient {
  std::string address;
  std::string status;      // enhanced status code "5.1.1"; without one "5.0.0", "4.0.0" of a delay
  std::string diagnostic;  // the remote's words, raw; escaped by the builder
  std::string remote;      // host name, "" when none was reached
};

struct DeliveryReport {
  enum class Action { kFailed, kDelayed } action = Action::kFailed;
  WallTime retry_until;        // of a delay
  std::size_t others = 0;      // of a delay: so many more messages wait for the same destination
  std::string reporting_host;  // our name
  std::string to;              // the owner's address or name
  std::string destination;     // our name of the destination
  WallTime arrived;
  WallTime now;
  std::string unique_id;  // left side of the Message-ID
  std::vector<FailedRecipient> recipients;
  std::string original_header;  // quoted as text/rfc822-headers
};

// A complete message with CRLF line ends, null sender semantics (Auto-Submitted: auto-replied, RFC 3834 §5).
[[nodiscard]] std::string build_report(const DeliveryReport& report);

}  // namespace mailstead::mail
