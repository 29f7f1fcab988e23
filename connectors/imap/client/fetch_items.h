// The items of a FETCH response (RFC 3501 §7.4.2) that retrieval asks for, in whatever order they come; all others are
// skipped. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/imap/client/response.h"
#include "mail/clock.h"
#include "mail/flags.h"
#include "mail/limits.h"

namespace mailstead::imap {

struct FetchItems {
  std::optional<std::uint32_t> uid;
  std::optional<mail::ByteCount> size;  // nullopt too when the server gave no number
  std::optional<mail::WallTime> internal_date;
  std::optional<mail::Flags> flags;
  std::optional<std::string> message_id;           // of BODY[HEADER.FIELDS (MESSAGE-ID)]; "" when there is none
  std::optional<std::string> identity;             // X-GM-MSGID (decimal) or EMAILID (RFC 8474)
  std::optional<std::vector<std::string>> labels;  // X-GM-LABELS, as the server writes them
  bool has_body = false;                           // BODY[], RFC822; a part (BODY[]<0>) is none
  std::optional<std::string> body;                 // as far as it stood in the line; nullopt for NIL
};

// From a response whose word is FETCH. Throws Failure(kProtocol): kFolder for a UID that cannot be, else kSession.
[[nodiscard]] FetchItems decode_fetch(const Response& response);

// For a line that has come up to a literal: the items before it when the literal is the whole body; nullopt otherwise.
[[nodiscard]] std::optional<FetchItems> body_begins(std::string_view line);

}  // namespace mailstead::imap
