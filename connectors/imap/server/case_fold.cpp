#include "connectors/imap/server/case_fold.h"

#include <algorithm>
#include <iterator>

#include "mail/ascii.h"
#include "mail/utf8.h"

namespace mailstead::imap {
namespace {

// Capitals of a range become small letters by an offset; in a range of pairs the capitals have the parity of `first`.
struct Fold {
  char32_t first, last;
  int offset;
  bool pairs;
};
constexpr Fold kFolds[] = {
    {0xC0, 0xD6, 32, false},     {0xD8, 0xDE, 32, false},   {0x100, 0x12F, 1, true},     {0x132, 0x137, 1, true},
    {0x139, 0x148, 1, true},     {0x14A, 0x177, 1, true},   {0x178, 0x178, -121, false}, {0x179, 0x17E, 1, true},
    {0x1CD, 0x1DC, 1, true},     {0x1DE, 0x1EF, 1, true},   {0x1F8, 0x21F, 1, true},     {0x222, 0x233, 1, true},
    {0x386, 0x386, 38, false},   {0x388, 0x38A, 37, false}, {0x38C, 0x38C, 64, false},   {0x38E, 0x38F, 63, false},
    {0x391, 0x3A1, 32, false},   {0x3A3, 0x3AB, 32, false}, {0x3C2, 0x3C2, 1, false},    {0x400, 0x40F, 80, false},
    {0x410, 0x42F, 32, false},   {0x460, 0x481, 1, true},   {0x48A, 0x4BF, 1, true},     {0x4C1, 0x4CE, 1, true},
    {0x4D0, 0x52F, 1, true},     {0x531, 0x556, 48, false}, {0x1E00, 0x1E95, 1, true},   {0x1EA0, 0x1EFF, 1, true},
    {0xFF21, 0xFF3A, 32, false},
};

char32_t folded(char32_t code) {
  const auto* at = std::upper_bound(std::begin(kFolds), std::end(kFolds), code,
                                    [](char32_t value, const Fold& fold) { return value < fold.first; });
  if (at == std::begin(kFolds)) return code;
  --at;
  if (code > at->last || (at->pairs && (code - at->first) % 2 != 0)) return code;
  return static_cast<char32_t>(static_cast<int>(code) + at->offset);
}

}  // namespace

std::string fold_case(std::string_view utf8) {
  std::string out;
  out.reserve(utf8.size());
  while (!utf8.empty()) {
    char c = utf8.front();
    std::size_t length = 1;
    if (static_cast<unsigned char>(c) < 0x80) {
      out += mail::lower(c);
    } else {
      mail::CodePoint point = mail::next_code_point(utf8);
      if (point.length == 0) {
        out += c;
      } else {
        mail::append_utf8(out, folded(point.code));
        length = point.length;
      }
    }
    utf8.remove_prefix(length);
  }
  return out;
}

}  // namespace mailstead::imap
