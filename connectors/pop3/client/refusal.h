// What a -ERR means (RFC 2449 §8.1, RFC 3206), beyond its words.
#pragma once

#include <string>

#include "connectors/pop3/codec/reply.h"
#include "mail/failure.h"

namespace mailstead::pop3 {

// Trying again later may help: [IN-USE], [LOGIN-DELAY], [SYS/TEMP], or words that say so where there is no code.
[[nodiscard]] bool is_temporary(const Reply& refusal);
// Another mechanism cannot help: the credentials are wrong, or the account is in trouble.
[[nodiscard]] bool is_final_for_sign_in(const Reply& refusal);

// The failure that a refused sign-in is: kTemporary/kSession, kPermanent/kAccount ([SYS/PERM]), else
// kAuthentication/kAccount. `host` for the text.
[[nodiscard]] mail::Failure sign_in_failure(const std::string& host, const Reply& refusal);
// A refusal of anything else: kTemporary unless [SYS/PERM].
[[nodiscard]] mail::Failure refusal_failure(const std::string& host, const std::string& of_what, const Reply& refusal);

}  // namespace mailstead::pop3
