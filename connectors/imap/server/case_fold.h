// Case folding for SEARCH: simple one-to-one folding of the scripts that have case and that mail is written in (Latin,
// Greek, Cyrillic, Armenian, full-width). Close to i;unicode-casemap (RFC 5051) without its decompositions.
#pragma once

#include <string>
#include <string_view>

namespace mailstead::imap {

// Invalid bytes stay as they are.
[[nodiscard]] std::string fold_case(std::string_view utf8);

}  // namespace mailstead::imap
