// The first words of a message as text, for the list of a mailbox (PREVIEW, RFC 8970).
#pragma once

#include <string>
#include <string_view>

#include "mail/content.h"
#include "mail/structure.h"

namespace mailstead::imap {

// At most 200 characters of UTF-8 without controls, of the first part that is plain text, else of the first HTML; ""
// when there is neither. Reads no more than 16 KiB.
[[nodiscard]] std::string preview_text(const mail::Content& content, const mail::Part& root);

// What a reader sees of HTML, roughly: no tags, scripts, styles and comments, the usual entities resolved.
[[nodiscard]] std::string text_of_html(std::string_view html);

}  // namespace mailstead::imap
