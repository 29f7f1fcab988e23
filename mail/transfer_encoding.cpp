#include "mail/transfer_encoding.h"

#include <array>
#include <cstdint>
#include <cstring>

#include "mail/ascii.h"
#include "mail/header.h"

namespace mailstead::mail {
namespace {

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::uint8_t kForeign = 64;

constexpr std::array<std::uint8_t, 256> make_values() {
  std::array<std::uint8_t, 256> values{};
  values.fill(kForeign);
  for (std::size_t i = 0; i < kAlphabet.size(); ++i) {
    values[static_cast<unsigned char>(kAlphabet[i])] = static_cast<std::uint8_t>(i);
  }
  return values;
}
constexpr auto kValues = make_values();

std::uint8_t value_of(char c) {
  return kValues[static_cast<unsigned char>(c)];
}

// Appends the whole octets of `count` (2 or 3) values in the low bits of `bits`; a single value holds none.
void append_rest(std::string& out, std::uint32_t bits, int count) {
  if (count >= 2) out.push_back(static_cast<char>((bits >> (count == 3 ? 10U : 4U)) & 0xFFU));
  if (count == 3) out.push_back(static_cast<char>((bits >> 2U) & 0xFFU));
}

void append_triple(std::string& out, std::uint32_t bits) {
  const char triple[3] = {static_cast<char>(bits >> 16U), static_cast<char>(bits >> 8U), static_cast<char>(bits)};
  out.append(triple, 3);
}

}  // namespace

TransferEncoding transfer_encoding(std::string_view raw_value) noexcept {
  std::string_view token = trim(raw_value);
  if (!token.empty() && token.front() == '"') token.remove_prefix(1);
  std::size_t end = 0;
  while (end < token.size() && !is_space(token[end]) && token[end] != ';' && token[end] != '(' && token[end] != '"')
    ++end;
  token = token.substr(0, end);
  if (token.empty() || iequals(token, "7bit") || iequals(token, "7-bit")) return TransferEncoding::k7Bit;
  if (iequals(token, "8bit") || iequals(token, "8-bit")) return TransferEncoding::k8Bit;
  if (iequals(token, "binary")) return TransferEncoding::kBinary;
  if (iequals(token, "quoted-printable")) return TransferEncoding::kQuotedPrintable;
  if (iequals(token, "base64")) return TransferEncoding::kBase64;
  return TransferEncoding::kUnknown;
}

std::string decode_base64_leniently(std::string_view text) {
  std::string out;
  out.reserve(text.size() / 4 * 3 + 3);
  std::uint32_t bits = 0;
  int count = 0;
  for (char c : text) {
    std::uint8_t value = value_of(c);
    if (value != kForeign) {
      bits = (bits << 6U) | value;
      if (++count == 4) {
        append_triple(out, bits);
        count = 0;
      }
    } else if (c == '=' && count >= 2) {  // the end of one of several joined streams
      append_rest(out, bits, count);
      count = 0;
    }
  }
  append_rest(out, bits, count);
  return out;
}

std::string decode_quoted_printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const auto* found = static_cast<const char*>(std::memchr(text.data(), '\n', text.size()));
    std::size_t end = found != nullptr ? static_cast<std::size_t>(found - text.data()) : text.size();
    std::size_t next = found != nullptr ? end + 1 : end;
    if (found != nullptr && end > 0 && text[end - 1] == '\r') --end;
    std::string_view line_end = text.substr(end, next - end);
    std::string_view line = text.substr(0, end);
    text.remove_prefix(next);
    while (!line.empty() && is_blank(line.back())) line.remove_suffix(1);  // added in transport, RFC 2045 §6.7 (3)
    bool soft = !line.empty() && line.back() == '=';
    if (soft) line.remove_suffix(1);
    for (std::size_t i = 0; i < line.size(); ++i) {
      int high = line[i] == '=' && i + 2 < line.size() ? hex_value(line[i + 1]) : -1;
      int low = high >= 0 ? hex_value(line[i + 2]) : -1;
      if (low >= 0) {
        out.push_back(static_cast<char>(high * 16 + low));
        i += 2;
      } else {
        out.push_back(line[i]);
      }
    }
    if (!soft) out.append(line_end);
  }
  return out;
}

std::string decode(std::string_view text, TransferEncoding encoding) {
  switch (encoding) {
    case TransferEncoding::kQuotedPrintable: return decode_quoted_printable(text);
    case TransferEncoding::kBase64: return decode_base64_leniently(text);
    case TransferEncoding::k7Bit:
    case TransferEncoding::k8Bit:
    case TransferEncoding::kBinary:
    case TransferEncoding::kUnknown: break;
  }
  return std::string(text);
}

std::optional<std::string> decode_base64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  std::string_view body = text.substr(0, text.size() - padding);
  std::string out;
  out.reserve(text.size() / 4 * 3);
  std::uint32_t bits = 0;
  int count = 0;
  for (char c : body) {
    std::uint8_t value = value_of(c);
    if (value == kForeign) return std::nullopt;
    bits = (bits << 6U) | value;
    if (++count == 4) {
      append_triple(out, bits);
      count = 0;
    }
  }
  if (padding == 1 && (bits & 3U) != 0) return std::nullopt;  // bits that mean nothing must be zero, RFC 4648 §3.5
  if (padding == 2 && (bits & 15U) != 0) return std::nullopt;
  append_rest(out, bits, count);
  return out;
}

std::string encode_base64(std::string_view bytes) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  auto byte = [bytes](std::size_t i) -> std::uint32_t {
    return i < bytes.size() ? static_cast<unsigned char>(bytes[i]) : 0U;
  };
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t bits = (byte(i) << 16U) | (byte(i + 1) << 8U) | byte(i + 2);
    out.push_back(kAlphabet[bits >> 18U]);
    out.push_back(kAlphabet[(bits >> 12U) & 63U]);
    out.push_back(i + 1 < bytes.size() ? kAlphabet[(bits >> 6U) & 63U] : '=');
    out.push_back(i + 2 < bytes.size() ? kAlphabet[bits & 63U] : '=');
  }
  return out;
}

}  // namespace mailstead::mail
