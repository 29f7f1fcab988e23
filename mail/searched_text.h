// The texts of a message that a search for words looks into (RFC 3501 §6.4.4, TEXT and BODY): decoded, in UTF-8.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "mail/limits.h"
#include "mail/structure.h"

namespace mailstead::mail {

// Of each text part this much is searched; what lies beyond is not mail that somebody wrote.
inline constexpr ByteCount kSearchedPerPart = ByteCount{8} * 1024 * 1024;
inline constexpr ByteCount kSearchedHeader = ByteCount{1} * 1024 * 1024;

// The octets [offset, offset + size) of the message, fewer where it ends before.
using OctetReader = std::function<std::string(ByteCount offset, ByteCount size)>;
// A text; true: enough was seen.
using TextVisitor = std::function<bool(std::string_view utf8)>;

// Each field of the header as "Name: value". Whether the visitor had enough.
bool visit_header(ByteCount offset, ByteCount size, const OctetReader& read, const TextVisitor& visit);
// The text parts, and the headers of messages inside.
bool visit_body(const Part& part, const OctetReader& read, const TextVisitor& visit);
// Header and body of the whole message.
bool visit_texts(const Part& root, const OctetReader& read, const TextVisitor& visit);

}  // namespace mailstead::mail
