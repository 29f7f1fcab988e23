// RFC 2047 encoded words and RFC 2231 parameters.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "mail/limits.h"

namespace mailstead::mail {

// Decodes every encoded word of an unfolded value; blanks between two of them go (RFC 2047 §6.2), multi-byte characters
// split over neighbouring words of one charset are joined, and words that break the grammar in the ways mail programs
// do (blanks inside, wrong padding, inside quotes) are decoded too. Always valid UTF-8.
[[nodiscard]] std::string decode_encoded_words(std::string_view unfolded);
// ASCII stays; anything else becomes encoded words of at most 75 octets in UTF-8.
[[nodiscard]] std::string encode_words(std::string_view utf8);

struct Parameter {
  std::string name;   // lower case
  std::string value;  // decoded, valid UTF-8
};

// A value of the form  token *( ";" name "=" value ), such as Content-Type (RFC 2045 §5.1), with RFC 2231
// continuations and charsets joined, and encoded words in values (wrong but common) decoded.
struct ParameterizedValue {
  std::string value;  // lower case
  std::vector<Parameter> parameters;
  [[nodiscard]] std::string_view parameter(std::string_view name) const noexcept;  // "" when absent
};
[[nodiscard]] ParameterizedValue parse_parameterized(std::string_view raw_value, const ParseLimits& limits = {});

}  // namespace mailstead::mail
