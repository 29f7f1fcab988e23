// Pieces of the messages that we write ourselves.
#pragma once

#include <string>
#include <string_view>

namespace mailstead::mail {

// `fields`, Content-Transfer-Encoding, a blank line and the text with CRLF line ends, encoded where 7bit does not do.
[[nodiscard]] std::string text_entity(std::string_view fields, std::string_view text);

// A host name, and the left side of a Message-ID, fit for our own header fields.
[[nodiscard]] std::string clean_host(std::string_view host);
[[nodiscard]] std::string clean_id(std::string_view id);
// The one message id of a field's value with its angle brackets, to be quoted in ours; "" for what is none.
[[nodiscard]] std::string sound_message_id(std::string_view field_value);

}  // namespace mailstead::mail
