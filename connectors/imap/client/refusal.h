// What a server's refusal means: is it about us, or only about now, and when may we come again (RFC 5530 §3; the words
// of large providers, which use no codes). The one place that decides it for IMAP.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "connectors/imap/client/session.h"
#include "mail/failure.h"

namespace mailstead::imap {

// Only for now: the same may be asked again later, unchanged.
[[nodiscard]] bool is_only_unavailable(const Completion& end);

// A refused sign-in, kAccount: kTemporary when it is only for now, kConfiguration for a referral (RFC 2221: never
// followed, the credentials are for the configured host alone), else kAuthentication.
[[nodiscard]] mail::Failure sign_in_refusal(const Completion& end);

// A refused command, kTemporary with `what` in front of the server's words. Of `scope`, or of the account when the
// words are about all of it (Microsoft 365: "User is authenticated but not connected"; Gmail: bandwidth).
[[nodiscard]] mail::Failure command_refusal(const Completion& end, mail::FailureScope scope, const std::string& what);

// The server ended the session (BYE), kTemporary/kSession. `text`: printable.
[[nodiscard]] mail::Failure goodbye(std::string_view code, std::string_view text);

}  // namespace mailstead::imap
