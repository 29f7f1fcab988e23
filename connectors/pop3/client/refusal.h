// What a -ERR means (RFC 2449 §8.1, RFC 3206, RFC 6856 §5), beyond its words.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "connectors/pop3/codec/capabilities.h"
#include "connectors/pop3/codec/reply.h"
#include "mail/failure.h"

namespace mailstead::pop3 {

// Trying again later may help: [IN-USE], [LOGIN-DELAY], [SYS/TEMP], or words that say so where there is no code.
[[nodiscard]] bool is_temporary(const Reply& refusal);
// Another mechanism cannot help: the credentials are wrong, or the account is in trouble.
[[nodiscard]] bool is_final_for_sign_in(const Reply& refusal);

// The failure that a refused sign-in is. `host` and `reason` (printable, "" for none) for the text.
//   [IN-USE], [SYS/TEMP], "busy" …     kTemporary/kSession
//   [LOGIN-DELAY]                      the same, to come again after what the words or the capability say
//   [SYS/PERM], [UTF8]                 kPermanent/kAccount
//   no code, though AUTH-RESP-CODE     kTemporary/kAccount (RFC 3206 §6: it is not the password), not again at once
//   [AUTH], and everything else        kAuthentication/kAccount
[[nodiscard]] mail::Failure sign_in_failure(const std::string& host, const Capabilities& capabilities,
                                            const Reply& refusal, const std::string& reason = {});
// A refusal of anything else: kTemporary unless [SYS/PERM].
[[nodiscard]] mail::Failure refusal_failure(const std::string& host, const std::string& of_what, const Reply& refusal);

// "… wait 5 minutes", "try again in 900 seconds": what the words say, at most kLongestLoginDelay.
[[nodiscard]] std::optional<std::chrono::seconds> wait_in_words(std::string_view text);

}  // namespace mailstead::pop3
