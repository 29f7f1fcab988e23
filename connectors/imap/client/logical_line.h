// Reads one response from the wire: lines joined by the literals between them (RFC 3501 §4.3), "{n}\r\n" and octets
// kept in place for Cursor. A literal that the taker claims, such as a message body, is handed over in chunks instead,
// and stands in the line as an empty one.
//
// Bounded: each line mail::kMaxReplyLine, each kept literal 64 KiB, all together 1 MiB; Failure(kLimit, kSession)
// beyond. A size that is no number of 64 bits is a Failure(kProtocol, kSession). Nothing is allocated from a size.
#pragma once

#include <string>
#include <string_view>

#include "connectors/imap/client/patience.h"
#include "connectors/net/buffered_reader.h"
#include "mail/limits.h"

namespace mailstead::imap {

inline constexpr std::size_t kMaxKeptLiteral = 64 * 1024;
inline constexpr std::size_t kMaxLogicalLine = 1024 * 1024;

class LiteralTaker {
 public:
  virtual ~LiteralTaker() = default;
  // `line`: the response up to the "{". True: exactly `size` octets follow through literal_octets().
  virtual bool takes_literal(std::string_view /*line*/, mail::ByteCount /*size*/) { return false; }
  virtual void literal_octets(std::string_view /*octets*/) {}
};

// Into `line` (its memory is reused), without the final CRLF.
void read_logical_line(net::BufferedReader& reader, const Patience& patience, LiteralTaker& taker, std::string& line,
                       std::size_t line_limit = mail::kMaxReplyLine);

}  // namespace mailstead::imap
