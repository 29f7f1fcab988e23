#include "mail/transfer_decoder.h"

#include "mail/ascii.h"

namespace mailstead::mail {
namespace {

constexpr std::size_t kLongLine = 64 * 1024;  // quoted-printable has lines of 76
constexpr std::size_t kLongestLine = 2 * kLongLine;

bool in_base64(char c) {
  return is_letter(c) || is_digit(c) || c == '+' || c == '/';
}

// Up to the last whole quantum.
std::size_t whole_quanta(std::string_view text) {
  std::size_t whole = 0;
  int count = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (in_base64(text[i])) {
      count = (count + 1) % 4;
    } else if (text[i] == '=' && count >= 2) {
      count = 0;
    }
    if (count == 0) whole = i + 1;
  }
  return whole;
}

// Up to the last line end; of a line without end up to where neither "=" nor blanks are in doubt.
std::size_t whole_lines(std::string_view text) {
  std::size_t end = text.rfind('\n');
  if (end != std::string_view::npos) return end + 1;
  if (text.size() < kLongLine) return 0;
  for (end = text.size() - 3; end > kLongLine / 2; --end) {
    if (!is_blank(text[end - 1]) && text[end - 1] != '\r' && text[end - 1] != '=' && text[end - 2] != '=') return end;
  }
  return text.size() < kLongestLine ? 0 : text.size();
}

}  // namespace

std::size_t TransferDecoder::decided() const {
  switch (encoding_) {
    case TransferEncoding::kBase64: return whole_quanta(held_);
    case TransferEncoding::kQuotedPrintable: return whole_lines(held_);
    default: return held_.size();
  }
}

std::string TransferDecoder::feed(std::string_view encoded) {
  held_ += encoded;
  const std::size_t end = decided();
  std::string out = decode(std::string_view(held_).substr(0, end), encoding_);
  held_.erase(0, end);
  // Of an unfinished quantum only its characters count: what surrounds them may be all of the part.
  if (encoding_ == TransferEncoding::kBase64) std::erase_if(held_, [](char c) { return !in_base64(c); });
  return out;
}

std::string TransferDecoder::finish() {
  std::string out = decode(held_, encoding_);
  held_.clear();
  return out;
}

}  // namespace mailstead::mail
