// MIME structure and the arrival scan: the same however the bytes come, offsets inside the message and the parent, the
// stored form exact. The first octet says how the rest is split.
#include <algorithm>
#include <cstdint>
#include <string>

#include "fuzz/check.h"
#include "mail/scan.h"
#include "mail/structure.h"

using namespace mailstead::mail;

namespace {

void check_part(const Part& part, std::string_view message) {
  FUZZ_CHECK(part.header_offset <= part.body_offset && part.body_offset + part.body_size <= message.size());
  std::string_view body = message.substr(part.body_offset, part.body_size);
  auto lines = static_cast<std::uint64_t>(std::count(body.begin(), body.end(), '\n'));
  FUZZ_CHECK(part.lines == lines + (!body.empty() && body.back() != '\n' ? 1 : 0));
  ByteCount at = part.body_offset;
  for (const Part& child : part.children) {
    FUZZ_CHECK(child.header_offset >= at);
    at = child.body_offset + child.body_size;
    FUZZ_CHECK(at <= part.body_offset + part.body_size);
    check_part(child, message);
  }
}

void check_splits(std::string_view message, std::size_t step, const ParseLimits& limits) {
  Part whole = parse_structure(message, limits);
  check_part(whole, message);
  StructureParser parser(limits);
  for (std::string_view rest = message; !rest.empty(); rest.remove_prefix(std::min(step, rest.size()))) {
    parser.feed(rest.substr(0, step));
  }
  FUZZ_CHECK(parser.finish() == whole);
  auto stored = decode_structure(encode_structure(whole));
  FUZZ_CHECK(stored.has_value() && *stored == whole);
}

void check_scan(std::string_view message, std::size_t step) {
  MessageFacts whole = scan_message(message);
  MessageScanner scanner;
  for (std::string_view rest = message; !rest.empty(); rest.remove_prefix(std::min(step, rest.size()))) {
    scanner.feed(rest.substr(0, step));
  }
  MessageFacts split = scanner.finish();
  FUZZ_CHECK(whole.size == message.size() && whole.content == split.content && whole.fingerprint == split.fingerprint);
  FUZZ_CHECK(whole.header == split.header && whole.header.size() == whole.structure.body_offset);
  FUZZ_CHECK(whole.structure == split.structure && whole.longest_line == split.longest_line);
  FUZZ_CHECK(whole.has_8bit == split.has_8bit && whole.has_nul == split.has_nul &&
             whole.has_bare_cr_or_lf == split.has_bare_cr_or_lf);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  std::size_t step = data[0] % 32 + 1;
  std::string_view message(reinterpret_cast<const char*>(data) + 1, size - 1);
  check_splits(message, step, {});
  ParseLimits tight;
  tight.mime_depth = 3;
  tight.mime_parts = 5;
  tight.boundary_length = 4;
  tight.header_bytes = 64;
  tight.all_header_bytes = 150;
  tight.header_fields = 3;
  check_splits(message, step, tight);
  check_scan(message, step);
  auto decoded = decode_structure(message);
  if (decoded) FUZZ_CHECK(encode_structure(*decoded) == message);
  return 0;
}
