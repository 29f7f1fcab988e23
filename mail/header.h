// A header block (RFC 5322 §2.2) as it stands in the message: order, repeats and raw bytes kept.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mail/limits.h"

namespace mailstead::mail {

// Views into the block's bytes.
struct HeaderField {
  std::string_view name;   // as written, without the colon and blanks before it
  std::string_view value;  // raw: everything behind the colon, folds inside, without the final line end
  std::string_view raw;    // the whole field with its final line end
};

// Never throws on input: a line that is no field ends the header (it belongs to the body), "From " and ">From " first
// lines are skipped, bare LF ends a line as CRLF does, a NUL is a byte like any other.
// The parsed bytes must outlive the object.
class HeaderBlock {
 public:
  [[nodiscard]] static HeaderBlock parse(std::string_view bytes, const ParseLimits& limits = {});

  [[nodiscard]] const std::vector<HeaderField>& fields() const noexcept { return fields_; }
  // Octets up to and with the blank line; less than the input's length when a body follows.
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  // Whether the blank line was there.
  [[nodiscard]] bool terminated() const noexcept { return terminated_; }
  // First field of that name (ASCII case-insensitive), or nullptr. Lives as long as this object.
  [[nodiscard]] const HeaderField* first(std::string_view name) const noexcept;
  [[nodiscard]] std::vector<const HeaderField*> all(std::string_view name) const;

 private:
  std::vector<HeaderField> fields_;
  std::size_t size_ = 0;
  bool terminated_ = false;
};

// The value with folds removed (line ends dropped, the blank kept) and outer blanks trimmed (RFC 5322 §2.2.3).
[[nodiscard]] std::string unfold(std::string_view raw_value);

// unfold, then RFC 2047 words decoded; always valid UTF-8 (mail/encoded_word.h).
[[nodiscard]] std::string decoded_value(const HeaderField& field);

// "Name: value\r\n" folded at 78 where blanks allow and never beyond 998 (RFC 5322 §2.1.1); `value` is UTF-8 and is
// encoded by RFC 2047 where it is not ASCII. Throws Failure(kPermanent, kMessage) for CR, LF or NUL in either part
// or for a name that is not an ftext (RFC 5322 §3.6.8).
[[nodiscard]] std::string format_field(std::string_view name, std::string_view value);

[[nodiscard]] bool iequals(std::string_view a, std::string_view b) noexcept;  // ASCII
[[nodiscard]] bool is_field_name(std::string_view name) noexcept;

}  // namespace mailstead::mail
