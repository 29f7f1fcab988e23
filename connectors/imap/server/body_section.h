// Where a section of BODY[…] lies in a message (RFC 3501 §6.4.5), by the offsets of its structure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "connectors/imap/server/fetch_item.h"
#include "mail/structure.h"

namespace mailstead::imap {

struct ByteRange {
  mail::ByteCount offset = 0, size = 0;
};

// nullopt when the message has no such section (answered as NIL). For HEADER.FIELDS the whole header.
[[nodiscard]] std::optional<ByteRange> find_section(const mail::Part& root, mail::ByteCount message_size,
                                                    const Section& section);

// The fields of a header block that HEADER.FIELDS or HEADER.FIELDS.NOT names, as they stand, and the blank line.
[[nodiscard]] std::string select_fields(std::string_view header, const Section& section);

}  // namespace mailstead::imap
