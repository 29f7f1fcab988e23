// The body on its way through DATA: one end, no bare CR or LF, the same whatever the pieces.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "connectors/smtp/body_encoder.h"
#include "fuzz/check.h"

namespace {

std::string encode(std::string_view text, std::size_t piece) {
  mailstead::smtp::BodyEncoder encoder;
  std::string out;
  for (; !text.empty(); text.remove_prefix(std::min(piece, text.size()))) encoder.encode(text.substr(0, piece), out);
  encoder.finish(out);
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  auto wire = encode(text, text.size() + 1);
  FUZZ_CHECK(encode(text, 1) == wire);
  FUZZ_CHECK(encode(text, 3) == wire);
  FUZZ_CHECK(wire.size() <= 2 * size + 5);
  FUZZ_CHECK(wire == ".\r\n" || wire.find("\r\n.\r\n") == wire.size() - 5);
  FUZZ_CHECK(wire.size() == 3 || !wire.starts_with(".\r\n"));
  for (std::size_t i = 0; i < wire.size(); ++i) {
    if (wire[i] == '\r') FUZZ_CHECK(i + 1 < wire.size() && wire[i + 1] == '\n');
    if (wire[i] == '\n') FUZZ_CHECK(i > 0 && wire[i - 1] == '\r');
  }
  return 0;
}
