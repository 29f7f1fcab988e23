// RFC 2047, RFC 2231, charsets and transfer encodings: always valid UTF-8, and our own writing reads back.
#include <cstdint>
#include <string>

#include "fuzz/check.h"
#include "mail/charset.h"
#include "mail/encoded_word.h"
#include "mail/transfer_encoding.h"

using namespace mailstead::mail;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  FUZZ_CHECK(is_valid_utf8(decode_encoded_words(text)));
  FUZZ_CHECK(is_valid_utf8(guess_utf8(text)));
  ParameterizedValue value = parse_parameterized(text);
  FUZZ_CHECK(is_valid_utf8(value.value));
  for (const Parameter& parameter : value.parameters)
    FUZZ_CHECK(is_valid_utf8(parameter.name) && is_valid_utf8(parameter.value));

  std::size_t line = text.find('\n');
  if (line != std::string_view::npos) FUZZ_CHECK(is_valid_utf8(to_utf8(text.substr(line + 1), text.substr(0, line))));

  (void)decode_quoted_printable(text);
  (void)decode_base64_leniently(text);
  FUZZ_CHECK(decode_base64(encode_base64(text)) == text);
  FUZZ_CHECK(decode_base64_leniently(encode_base64(text)) == text);
  if (auto strict = decode_base64(text)) FUZZ_CHECK(encode_base64(*strict) == text);

  bool clean = is_valid_utf8(text) && text.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos;
  if (clean) FUZZ_CHECK(decode_encoded_words(encode_words(text)) == text);
  return 0;
}
