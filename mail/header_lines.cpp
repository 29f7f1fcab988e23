#include "mail/header_lines.h"

#include <array>
#include <cstring>

#include "mail/ascii.h"

namespace mailstead::mail {
namespace {

// ftext of RFC 5322 §3.6.8 and, because ending the header there would do worse, 8-bit bytes.
constexpr std::array<bool, 256> make_name_bytes() {
  std::array<bool, 256> table{};
  for (std::size_t c = 33; c < 256; ++c) table[c] = c != ':' && c != 127;
  return table;
}
constexpr auto kNameBytes = make_name_bytes();

bool begins_with_from(std::string_view line) {
  if (line.starts_with('>')) line.remove_prefix(1);
  return line.starts_with("From ");
}

}  // namespace

HeaderLine classify_header_line(std::string_view line, bool after_field, std::size_t& colon) noexcept {
  if (line.empty()) return HeaderLine::kNone;
  if (line == "\r\n" || line == "\n") return HeaderLine::kBlank;
  if (is_blank(line.front())) return after_field ? HeaderLine::kContinuation : HeaderLine::kNone;
  std::size_t end = 0;
  while (end < line.size() && kNameBytes[static_cast<unsigned char>(line[end])]) ++end;
  std::size_t at = end;
  while (at < line.size() && is_blank(line[at])) ++at;  // obsolete, RFC 5322 §4.5
  if (end > 0 && at < line.size() && line[at] == ':') {
    colon = at;
    return HeaderLine::kField;
  }
  return !after_field && begins_with_from(line) ? HeaderLine::kEnvelope : HeaderLine::kNone;
}

void HeaderCollector::begin(ByteCount max_bytes, std::size_t max_fields) {
  bytes_.clear();
  line_begin_ = field_begin_ = fields_ = cut_ = 0;
  max_bytes_ = max_bytes;
  max_fields_ = max_fields;
}

std::size_t HeaderCollector::take(std::string_view bytes) {
  const void* found = std::memchr(bytes.data(), '\n', bytes.size());
  std::size_t count =
      found != nullptr ? static_cast<std::size_t>(static_cast<const char*>(found) - bytes.data()) + 1 : bytes.size();
  bytes_.append(bytes.substr(0, count));
  return count;
}

HeaderCollector::Verdict HeaderCollector::accept() {
  std::string_view current = line();
  bool continues = fields_ > 0 && !current.empty() && is_blank(current.front());
  cut_ = continues ? field_begin_ : line_begin_;
  if (over_limit()) return Verdict::kEnd;
  std::size_t colon = 0;
  HeaderLine kind = classify_header_line(current, fields_ > 0, colon);
  if (kind == HeaderLine::kNone || (kind == HeaderLine::kField && fields_ == max_fields_)) {
    cut_ = line_begin_;
    return Verdict::kEnd;
  }
  if (kind == HeaderLine::kField) {
    ++fields_;
    field_begin_ = line_begin_;
  }
  line_begin_ = cut_ = bytes_.size();
  return kind == HeaderLine::kBlank ? Verdict::kEnd : Verdict::kMore;
}

}  // namespace mailstead::mail
