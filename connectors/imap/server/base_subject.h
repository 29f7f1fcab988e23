// The base subject (RFC 5256 §2.1): without "Re:", "Fwd:", "[list]" and "(fwd)", by which messages are sorted and
// gathered into threads.
#pragma once

#include <string>
#include <string_view>

namespace mailstead::imap {

struct BaseSubject {
  std::string text;       // UTF-8, letters as written
  bool is_reply = false;  // or forwarded: something that says so was taken away
};

// `raw` is the unfolded field, its encoded words not decoded yet. Linear time.
[[nodiscard]] BaseSubject base_subject(std::string_view raw);

// For comparing texts as i;unicode-casemap does, as far as fold_case() (mail/unicode.h) goes.
[[nodiscard]] std::string collation_key(std::string_view utf8);

}  // namespace mailstead::imap
