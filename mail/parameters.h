// The raw form of  token *( ";" name "=" value )  (RFC 2045 §5.1), before RFC 2231 and charsets: what a MIME structure
// keeps. The decoded form is parse_parameterized in mail/encoded_word.h.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mailstead::mail {

struct RawParameters {
  std::string value;                                            // lower case, comments and blanks removed
  std::vector<std::pair<std::string, std::string>> parameters;  // names lower case, quotes resolved
};

// Never throws; at most `limit` parameters are kept. Blanks around "=", missing quotes around blanks, comments and
// empty parameters are read as they are meant.
[[nodiscard]] RawParameters parse_raw_parameters(std::string_view raw_value, std::size_t limit);

}  // namespace mailstead::mail
