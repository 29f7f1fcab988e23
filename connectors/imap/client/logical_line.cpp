#include "connectors/imap/client/logical_line.h"

#include <optional>

#include "connectors/imap/client/response.h"
#include "connectors/imap/codec/syntax.h"
#include "mail/ascii.h"
#include "mail/failure.h"

namespace mailstead::imap {
namespace {

using mail::Failure;
using mail::FailureKind;
using mail::FailureScope;

struct LiteralHead {
  std::size_t begin = 0;  // of "{" (or "~") in the line
  mail::ByteCount size = 0;
};

// "…{123}", "…~{123}", "…{123+}" at the end of a line.
std::optional<LiteralHead> literal_head(std::string_view line) {
  if (line.empty() || line.back() != '}') return std::nullopt;
  std::size_t open = line.rfind('{');
  if (open == std::string_view::npos) return std::nullopt;
  std::string_view digits = line.substr(open + 1, line.size() - open - 2);
  if (!digits.empty() && digits.back() == '+') digits.remove_suffix(1);
  bool numeric = !digits.empty();
  for (char c : digits) numeric = numeric && mail::is_digit(c);
  if (!numeric) return std::nullopt;  // the decoder of the line refuses it
  auto size = parse_number(digits);
  if (!size) throw Failure(FailureKind::kProtocol, FailureScope::kSession, "a literal's size is beyond all measure");
  if (open > 0 && line[open - 1] == '~') --open;
  return LiteralHead{open, *size};
}

void keep_literal(net::BufferedReader& reader, const Patience& patience, mail::ByteCount size, std::string& line) {
  if (size > kMaxKeptLiteral || line.size() + size > kMaxLogicalLine) {
    throw Failure(FailureKind::kLimit, FailureScope::kSession,
                  "the server sent a literal of " + std::to_string(size) + " octets where none so large was asked for");
  }
  line += "\r\n";
  reader.read_exactly(size, patience.idle, patience.for_octets(size), [&](std::string_view part) { line += part; });
}

}  // namespace

void read_logical_line(net::BufferedReader& reader, const Patience& patience, LiteralTaker& taker, std::string& line,
                       std::size_t line_limit) {
  line.clear();
  std::size_t segment = 0;
  while (true) {
    line += reader.read_line(line_limit, patience.for_line());
    if (line.size() > kMaxLogicalLine + line_limit) {
      throw Failure(FailureKind::kLimit, FailureScope::kSession, "a response of the server is too long");
    }
    if (segment == 0 && ends_in_text(line)) return;
    auto head = literal_head(std::string_view(line).substr(segment));
    if (!head) return;
    head->begin += segment;
    if (taker.takes_literal(std::string_view(line).substr(0, head->begin), head->size)) {
      line.resize(head->begin);
      line += "{0}\r\n";
      reader.read_exactly(head->size, patience.idle, patience.for_octets(head->size),
                          [&](std::string_view part) { taker.literal_octets(part); });
    } else {
      keep_literal(reader, patience, head->size, line);
    }
    segment = line.size();
  }
}

}  // namespace mailstead::imap
