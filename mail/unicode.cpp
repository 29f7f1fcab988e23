#include "mail/unicode.h"

#include "mail/ascii.h"
#include "mail/utf8.h"

#include <unicode/uchar.h>
#include <unicode/unorm2.h>
#include <unicode/ustring.h>
#include <unicode/utf8.h>
#include <unicode/uversion.h>

#include <algorithm>
#include <vector>

namespace mailstead::mail {
namespace {

bool is_ascii(char c) noexcept {
  return static_cast<unsigned char>(c) < 0x80;
}

bool is_ascii(std::string_view text) noexcept {
  return std::all_of(text.begin(), text.end(), [](char c) { return is_ascii(c); });
}

}  // namespace

std::string fold_case(std::string_view utf8) {
  std::string out;
  out.reserve(utf8.size());
  const auto length = static_cast<int32_t>(utf8.size());
  for (int32_t i = 0; i < length;) {
    const auto rest = utf8.substr(static_cast<std::size_t>(i));
    const auto plain = static_cast<std::size_t>(
        std::find_if_not(rest.begin(), rest.end(), [](char c) { return is_ascii(c); }) - rest.begin());
    const std::size_t begin = out.size();
    out.append(rest, 0, plain);
    std::transform(out.begin() + static_cast<std::ptrdiff_t>(begin), out.end(),
                   out.begin() + static_cast<std::ptrdiff_t>(begin), [](char c) { return lower(c); });
    i += static_cast<int32_t>(plain);
    if (i >= length) break;
    UChar32 c = 0;
    U8_NEXT_OR_FFFD(utf8.data(), i, length, c);
    append_utf8(out, static_cast<char32_t>(u_foldCase(c, U_FOLD_CASE_DEFAULT)));
  }
  return out;
}

std::string to_nfc(std::string_view utf8) {
  if (is_ascii(utf8)) return std::string(utf8);
  UErrorCode error = U_ZERO_ERROR;
  const UNormalizer2* nfc = unorm2_getNFCInstance(&error);
  std::vector<UChar> wide(utf8.size() + 1);
  int32_t wide_length = 0;
  u_strFromUTF8WithSub(wide.data(), static_cast<int32_t>(wide.size()), &wide_length, utf8.data(),
                       static_cast<int32_t>(utf8.size()), 0xFFFD, nullptr, &error);
  // NFC never grows beyond three times its input (UAX #15, "Maximum Expansion Factors", UTF-16).
  std::vector<UChar> normal(3 * static_cast<std::size_t>(wide_length) + 1);
  int32_t normal_length =
      unorm2_normalize(nfc, wide.data(), wide_length, normal.data(), static_cast<int32_t>(normal.size()), &error);
  std::string out(3 * static_cast<std::size_t>(std::max(normal_length, 0)) + 1, '\0');
  int32_t out_length = 0;
  u_strToUTF8(out.data(), static_cast<int32_t>(out.size()), &out_length, normal.data(), normal_length, &error);
  if (U_FAILURE(error)) return std::string(utf8);
  out.resize(static_cast<std::size_t>(out_length));
  return out;
}

std::string unicode_version() {
  return U_ICU_VERSION;
}

std::string_view cut(std::string_view utf8, std::size_t limit) noexcept {
  if (utf8.size() <= limit) return utf8;
  while (limit > 0 && (static_cast<unsigned char>(utf8[limit]) & 0xC0U) == 0x80U) --limit;
  return utf8.substr(0, limit);
}

}  // namespace mailstead::mail
