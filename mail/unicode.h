// The little of Unicode that comparing needs, by ICU: simple case folding (CaseFolding.txt, statuses C and S, as RE2's
// own case-insensitive matching uses) and NFC. Input that is not valid UTF-8 comes back with U+FFFD in place of what is
// wrong.
#pragma once

#include <string>
#include <string_view>

namespace mailstead::mail {

[[nodiscard]] std::string fold_case(std::string_view utf8);
[[nodiscard]] std::string to_nfc(std::string_view utf8);
// Of the tables behind both: where it differs, so may their results.
[[nodiscard]] std::string unicode_version();
// At most `limit` octets, cut between two characters.
[[nodiscard]] std::string_view cut(std::string_view utf8, std::size_t limit) noexcept;

}  // namespace mailstead::mail
