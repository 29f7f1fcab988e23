// Message ids (RFC 5322 §3.6.4) out of Message-ID, In-Reply-To and References, made comparable for threading.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace mailstead::mail {

// What stands between "<" and ">", in order; blanks and the quotes that change nothing are dropped (RFC 5256 §2.2), so
// that none contains a blank. At most 10,000 of at most 998 octets; longer ones are no message ids.
[[nodiscard]] std::vector<std::string> message_ids(std::string_view value);

// For keeping: the first and as many of the last as fit into 4,000 octets, with blanks between; "" when there is none.
[[nodiscard]] std::string condensed_references(std::string_view value);

}  // namespace mailstead::mail
