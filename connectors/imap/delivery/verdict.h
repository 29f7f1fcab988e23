// What the answer to an APPEND, a CREATE or a SELECT means for the message (RFC 3501 §7.1, RFC 5530 §3, RFC 7889 §4).
// The one place that decides it for deliveries; what is unknown is temporary.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "connectors/destination.h"
#include "connectors/imap/client/session.h"

namespace mailstead::imap {

// One of ours, without the remote's words.
[[nodiscard]] delivery::Reply own_reply(delivery::Reply::Kind kind, std::string enhanced, std::string text);

// A NO or BAD, with `what` in front of the server's words. Throws Failure(kTemporary, kAccount) for one that is about
// all of the account, so that no other message is tried either (throttled, bandwidth, too many connections).
[[nodiscard]] delivery::Reply refused(const Completion& end, const std::string& what);

// Whether a refused APPEND may be one for want of the folder: [TRYCREATE], [NONEXISTENT], or a NO that says nothing.
[[nodiscard]] bool may_lack_folder(const Completion& end);

// [APPENDUID uidvalidity uid] (RFC 4315 §3); nullopt when there is none or it is malformed.
struct AppendUid {
  std::uint32_t uid_validity = 0, uid = 0;
};
[[nodiscard]] std::optional<AppendUid> append_uid(const Completion& end);

}  // namespace mailstead::imap
