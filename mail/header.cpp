#include "mail/header.h"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "mail/address.h"
#include "mail/ascii.h"
#include "mail/encoded_word.h"
#include "mail/failure.h"
#include "mail/header_lines.h"

namespace mailstead::mail {
namespace {

constexpr std::size_t kFoldAt = 78;  // RFC 5322 §2.1.1, without the line end
constexpr std::size_t kLongestLine = 998;
constexpr std::size_t kLongestWord = 900;  // a longer one is encoded, so that it can be split
constexpr std::size_t kLongestGap = 70;    // a longer run of blanks becomes one

std::string_view without_line_end(std::string_view text) {
  if (text.ends_with('\n')) text.remove_suffix(1);
  if (text.ends_with('\r')) text.remove_suffix(1);
  return text;
}

HeaderField make_field(std::string_view line, std::size_t colon) {
  std::string_view name = line.substr(0, colon);
  while (!name.empty() && is_blank(name.back())) name.remove_suffix(1);
  return {name, {}, line};
}

void complete(HeaderField& field, const char* end) {
  std::string_view raw(field.raw.data(), static_cast<std::size_t>(end - field.raw.data()));
  std::size_t colon = raw.find(':', field.name.size());
  field.raw = raw;
  field.value = without_line_end(raw.substr(colon + 1));
}

[[noreturn]] void refuse(std::string text) {
  throw Failure(FailureKind::kPermanent, FailureScope::kMessage, std::move(text));
}

void check_field(std::string_view name, std::string_view value) {
  if (!is_field_name(name) || name.size() > kLongestWord) refuse("not a header field name");
  if (value.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos) {
    refuse(fmt::format("the value for header field {} contains a line end or NUL", name));
  }
}

bool is_address_field(std::string_view name) {
  if (iequals(name.substr(0, 7), "resent-")) name.remove_prefix(7);
  return iequals(name, "from") || iequals(name, "to") || iequals(name, "cc") || iequals(name, "bcc") ||
         iequals(name, "sender") || iequals(name, "reply-to");
}

// Whether the text can stand in a field unchanged: printable ASCII without words too long to fold.
bool is_plain(std::string_view text) {
  std::size_t word = 0;
  for (char c : text) {
    word = is_blank(c) ? 0 : word + 1;
    if (word > kLongestWord || !((c >= ' ' && c <= '~') || c == '\t')) return false;
  }
  return true;
}

// In an address list only display names may be encoded (RFC 2047 §5 (3)), and those that are already stay.
std::string encode_value(std::string_view name, std::string_view value) {
  if (is_address_field(name)) {
    if (is_plain(value)) return std::string(value);
    std::string list = format_addresses(parse_addresses(value));
    if (!list.empty() && is_plain(list)) return list;
  }
  return encode_words(value);
}

// Appends the blanks and the word behind them, in front of both a line end when the line would become too long.
void append_folding(std::string& out, std::size_t& column, std::string_view gap, std::string_view word, bool may_fold) {
  if (gap.size() > kLongestGap) gap = " ";
  std::size_t width = gap.size() + word.size();
  if (column + width > (may_fold ? kFoldAt : kLongestLine)) {
    out.append("\r\n");
    column = 0;
  }
  out.append(gap).append(word);
  column += width;
}

}  // namespace

HeaderBlock HeaderBlock::parse(std::string_view bytes, const ParseLimits& limits) {
  HeaderBlock block;
  auto& fields = block.fields_;
  std::size_t at = 0;
  std::size_t end = 0;  // of what belongs to the header
  while (at < bytes.size() && !block.terminated_) {
    const void* found = std::memchr(bytes.data() + at, '\n', bytes.size() - at);
    std::size_t next =
        found != nullptr ? static_cast<std::size_t>(static_cast<const char*>(found) - bytes.data()) + 1 : bytes.size();
    std::string_view line = bytes.substr(at, next - at);
    std::size_t colon = 0;
    HeaderLine kind = classify_header_line(line, !fields.empty(), colon);
    if (next > limits.header_bytes) {
      if (!fields.empty() && is_blank(line.front())) {
        end = static_cast<std::size_t>(fields.back().raw.data() - bytes.data());
        fields.pop_back();
      }
      break;
    }
    if (kind == HeaderLine::kNone || (kind == HeaderLine::kField && fields.size() == limits.header_fields)) break;
    if (kind == HeaderLine::kField) {
      if (!fields.empty()) complete(fields.back(), line.data());
      fields.push_back(make_field(line, colon));
    }
    block.terminated_ = kind == HeaderLine::kBlank;
    at = next;
    if (!block.terminated_) end = at;
  }
  if (!fields.empty()) complete(fields.back(), bytes.data() + end);
  block.size_ = block.terminated_ ? at : end;
  return block;
}

const HeaderField* HeaderBlock::first(std::string_view name) const noexcept {
  for (const HeaderField& field : fields_) {
    if (iequals(field.name, name)) return &field;
  }
  return nullptr;
}

std::vector<const HeaderField*> HeaderBlock::all(std::string_view name) const {
  std::vector<const HeaderField*> found;
  for (const HeaderField& field : fields_) {
    if (iequals(field.name, name)) found.push_back(&field);
  }
  return found;
}

std::string unfold(std::string_view raw_value) {
  raw_value = trim(raw_value);
  std::string value;
  value.reserve(raw_value.size());
  while (!raw_value.empty()) {
    std::size_t end = raw_value.find('\n');
    std::string_view line = raw_value.substr(0, end);
    raw_value.remove_prefix(end == std::string_view::npos ? raw_value.size() : end + 1);
    if (end != std::string_view::npos && line.ends_with('\r')) line.remove_suffix(1);
    value.append(line);
  }
  return value;
}

std::string decoded_value(const HeaderField& field) {
  return decode_encoded_words(unfold(field.value));
}

std::string format_field(std::string_view name, std::string_view value) {
  check_field(name, value);
  std::string encoded = encode_value(name, trim(value));
  std::string out(name);
  out.push_back(':');
  std::size_t column = out.size();
  std::string_view rest = encoded;
  bool first = true;
  while (!rest.empty()) {
    std::size_t word_begin = rest.find_first_not_of(" \t");
    std::size_t word_end = rest.find_first_of(" \t", word_begin);
    std::string_view gap = first ? " " : rest.substr(0, word_begin);
    append_folding(out, column, gap, rest.substr(word_begin, word_end - word_begin), !first);
    rest.remove_prefix(std::min(word_end, rest.size()));
    first = false;
  }
  out.append("\r\n");
  return out;
}

bool iequals(std::string_view a, std::string_view b) noexcept {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return lower(x) == lower(y); });
}

bool is_field_name(std::string_view name) noexcept {
  return !name.empty() &&
         std::all_of(name.begin(), name.end(), [](char c) { return c > ' ' && c < '\x7f' && c != ':'; });
}

}  // namespace mailstead::mail
