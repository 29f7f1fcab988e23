// Header blocks: fields lie inside and in order, edits keep what they do not name, format_field writes what can be
// read.
#include <cstdint>
#include <string>
#include <vector>

#include "fuzz/check.h"
#include "mail/charset.h"
#include "mail/encoded_word.h"
#include "mail/escape.h"
#include "mail/failure.h"
#include "mail/header.h"
#include "mail/header_edit.h"

using namespace mailstead::mail;

namespace {

void check_block(std::string_view bytes) {
  HeaderBlock block = HeaderBlock::parse(bytes);
  FUZZ_CHECK(block.size() <= bytes.size());
  const char* at = bytes.data();
  for (const HeaderField& field : block.fields()) {
    FUZZ_CHECK(field.raw.data() >= at && field.raw.data() + field.raw.size() <= bytes.data() + block.size());
    FUZZ_CHECK(!field.name.empty() && field.raw.starts_with(field.name));
    at = field.raw.data() + field.raw.size();
    FUZZ_CHECK(is_valid_utf8(decoded_value(field)));
    for (const Parameter& parameter : parse_parameterized(field.value).parameters) {
      FUZZ_CHECK(is_valid_utf8(parameter.name) && is_valid_utf8(parameter.value));
    }
  }
  // What was found is found again when nothing follows.
  HeaderBlock again = HeaderBlock::parse(bytes.substr(0, block.size()));
  FUZZ_CHECK(again.fields().size() == block.fields().size() && again.terminated() == block.terminated());
}

void check_edit(std::string_view bytes) {
  HeaderBlock before = HeaderBlock::parse(bytes);
  std::string edited =
      apply_edits(bytes.substr(0, before.size()), std::vector<HeaderEdit>{{HeaderEdit::Kind::kSet, "X-Fuzz", "v"}});
  HeaderBlock after = HeaderBlock::parse(edited);
  FUZZ_CHECK(after.terminated() && after.size() == edited.size());
  FUZZ_CHECK(after.all("X-Fuzz").size() == 1);
  FUZZ_CHECK(after.fields().size() == before.fields().size() - before.all("X-Fuzz").size() + 1);
}

void check_format(std::string_view value) {
  try {
    std::string field = format_field("Subject", value);
    std::size_t line = 0;
    for (char c : field) {
      line = c == '\n' ? 0 : line + 1;
      FUZZ_CHECK(line <= 999 && static_cast<unsigned char>(c) < 0x80);
    }
    HeaderBlock block = HeaderBlock::parse(field);
    FUZZ_CHECK(block.fields().size() == 1 && block.size() == field.size());
    (void)format_field("From", value);
  } catch (const Failure& failure) {
    FUZZ_CHECK(failure.kind() == FailureKind::kPermanent);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  check_block(bytes);
  check_edit(bytes);
  check_format(bytes);
  std::string shown = printable(bytes, 200);
  FUZZ_CHECK(shown.size() <= 200 && is_valid_utf8(shown) && shown.find('\n') == std::string::npos);
  return 0;
}
