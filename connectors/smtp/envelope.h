// The envelope of a transaction as commands: MAIL and RCPT (RFC 5321 §4.1.1.2–3) with the parameters that the server
// offers. No address reaches a command unless it is one line and one path.
#pragma once

#include <string>
#include <string_view>

#include "connectors/smtp/extensions.h"
#include "mail/limits.h"

namespace mailstead::smtp {

// Whether an address may stand between < and >: a mailbox as RFC 5321 knows it, or a local part alone (RFC 2033 and
// "postmaster"); never a control character.
[[nodiscard]] bool is_path(std::string_view address);
[[nodiscard]] bool needs_smtp_utf8(std::string_view address) noexcept;

struct MailParameters {
  mail::ByteCount size = 0;
  bool eight_bit = false;
  bool utf8 = false;
};

// With CRLF. Precondition: is_path(address), or "" as sender.
[[nodiscard]] std::string mail_command(std::string_view sender, const MailParameters& parameters,
                                       const Extensions& extensions);
[[nodiscard]] std::string recipient_command(std::string_view recipient);

}  // namespace mailstead::smtp
