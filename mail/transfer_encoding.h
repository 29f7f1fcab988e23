// Content-Transfer-Encodings (RFC 2045 §6) and base64 for protocols.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace mailstead::mail {

enum class TransferEncoding { k7Bit, k8Bit, kBinary, kQuotedPrintable, kBase64, kUnknown };
[[nodiscard]] TransferEncoding transfer_encoding(std::string_view raw_value) noexcept;

// Lenient, as mail needs: foreign bytes skipped, missing padding accepted.
[[nodiscard]] std::string decode_base64_leniently(std::string_view text);
[[nodiscard]] std::string decode_quoted_printable(std::string_view text);
[[nodiscard]] std::string decode(std::string_view text, TransferEncoding encoding);

// Strict, as protocols need (RFC 4648 §4): nullopt on any foreign byte or wrong padding.
[[nodiscard]] std::optional<std::string> decode_base64(std::string_view text);
[[nodiscard]] std::string encode_base64(std::string_view bytes);

}  // namespace mailstead::mail
