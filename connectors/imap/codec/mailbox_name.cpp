#include "connectors/imap/codec/mailbox_name.h"

#include <cstdint>

#include "mail/ascii.h"
#include "mail/utf8.h"

namespace mailstead::imap {
namespace {

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

bool is_direct(char c) {
  return c >= 0x20 && c <= 0x7E;
}

// Collects UTF-16 code units as base64 without padding.
class ShiftedRun {
 public:
  explicit ShiftedRun(std::string& out) : out_(out) {}
  void add(char32_t code) {
    if (!open_) out_ += '&';
    open_ = true;
    if (code < 0x10000) return add_unit(code);
    code -= 0x10000;
    add_unit(0xD800 + (code >> 10U));
    add_unit(0xDC00 + (code & 0x3FFU));
  }
  void close() {
    if (!open_) return;
    if (count_ > 0) out_ += kAlphabet[(bits_ << (6 - count_)) & 63U];
    out_ += '-';
    open_ = false;
    bits_ = count_ = 0;
  }

 private:
  void add_unit(std::uint32_t unit) {
    bits_ = (bits_ << 16U) | unit;
    count_ += 16;
    for (; count_ >= 6; count_ -= 6) out_ += kAlphabet[(bits_ >> (count_ - 6)) & 63U];
    bits_ &= (1U << count_) - 1;
  }
  std::string& out_;
  bool open_ = false;
  std::uint32_t bits_ = 0, count_ = 0;
};

// Appends the code points of a shifted run; false for lone surrogates or a foreign letter. Canonical form is checked
// by the caller.
bool decode_run(std::string_view run, std::string& out) {
  std::uint32_t bits = 0, count = 0, high = 0;
  for (char c : run) {
    std::size_t value = kAlphabet.find(c);
    if (value == std::string_view::npos) return false;
    bits = (bits << 6U) | static_cast<std::uint32_t>(value);
    count += 6;
    if (count < 16) continue;
    count -= 16;
    std::uint32_t unit = (bits >> count) & 0xFFFFU;
    bits &= (1U << count) - 1;
    bool is_high = unit >= 0xD800 && unit < 0xDC00, is_low = unit >= 0xDC00 && unit < 0xE000;
    if (is_low != (high != 0)) return false;
    if (is_high) {
      high = unit;
      continue;
    }
    mail::append_utf8(out, is_low ? 0x10000 + ((high - 0xD800) << 10U) + (unit - 0xDC00) : unit);
    high = 0;
  }
  return high == 0;
}

bool starts_with_inbox(std::string_view name, char delimiter) {
  constexpr std::string_view kInbox = "inbox";
  if (name.size() < kInbox.size() || mail::lowered(name.substr(0, kInbox.size())) != kInbox) return false;
  return name.size() == kInbox.size() || name[kInbox.size()] == delimiter;
}

}  // namespace

std::string to_modified_utf7(std::string_view utf8) {
  std::string out;
  ShiftedRun run(out);
  while (!utf8.empty()) {
    if (is_direct(utf8.front())) {
      run.close();
      out += utf8.front();
      if (utf8.front() == '&') out += '-';
      utf8.remove_prefix(1);
      continue;
    }
    mail::CodePoint point = mail::next_code_point(utf8);
    run.add(point.length == 0 ? U'\uFFFD' : point.code);
    utf8.remove_prefix(point.length == 0 ? 1 : point.length);
  }
  run.close();
  return out;
}

std::optional<std::string> from_modified_utf7(std::string_view text) {
  std::string out;
  std::string_view left = text;
  while (!left.empty()) {
    if (left.front() != '&') {
      if (!is_direct(left.front())) return std::nullopt;
      out += left.front();
      left.remove_prefix(1);
      continue;
    }
    std::size_t end = left.find('-');
    if (end == std::string_view::npos) return std::nullopt;
    if (end == 1) {
      out += '&';
    } else if (!decode_run(left.substr(1, end - 1), out)) {
      return std::nullopt;
    }
    left.remove_prefix(end + 1);
  }
  // One name, one spelling: superfluous shifts and stray bits would give a folder two names.
  if (to_modified_utf7(out) != text) return std::nullopt;
  return out;
}

bool matches_list_pattern(std::string_view name, std::string_view pattern, char delimiter) noexcept {
  // reached[i]: the pattern read so far can match the first i characters. O(name × pattern).
  std::string reached(name.size() + 1, '\0');
  reached[0] = 1;
  bool inbox = starts_with_inbox(name, delimiter);
  for (char p : pattern) {
    if (p == '*' || p == '%') {
      for (std::size_t i = 1; i <= name.size(); ++i) {
        if (reached[i - 1] && (p == '*' || name[i - 1] != delimiter)) reached[i] = 1;
      }
      continue;
    }
    for (std::size_t i = name.size(); i > 0; --i) {
      char n = name[i - 1];
      bool same = n == p || (inbox && i <= 5 && mail::lower(n) == mail::lower(p));
      reached[i] = static_cast<char>(reached[i - 1] && same);
    }
    reached[0] = 0;
  }
  return reached[name.size()] != 0;
}

}  // namespace mailstead::imap
