// What a POP3 server may send: reply lines, listings, capabilities, APOP banners and message bodies. The body decoder
// must not depend on how its input is cut.
#include <cstdint>
#include <string>

#include "connectors/pop3/codec/apop.h"
#include "connectors/pop3/codec/capabilities.h"
#include "connectors/pop3/codec/dot_decoder.h"
#include "connectors/pop3/codec/listing.h"
#include "connectors/pop3/codec/reply.h"

namespace {

using namespace mailstead::pop3;

std::string decode(std::string_view input, std::size_t piece, std::size_t& used) {
  DotDecoder decoder;
  std::string body;
  used = 0;
  while (used < input.size() && !decoder.done()) {
    used += decoder.feed(input.substr(used, piece), [&](std::string_view part) { body += part; });
  }
  return body;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view input(reinterpret_cast<const char*>(data), size);
  if (auto reply = parse_reply(input)) (void)reply->has_code("SYS/TEMP");
  if (auto line = parse_uidl_line(input)) (void)is_usable_uidl(line->uidl);
  (void)parse_list_line(input);
  (void)apop_challenge(input);
  Capabilities capabilities;
  capabilities.add(input);
  std::size_t used_whole = 0, used_small = 0;
  std::string whole = decode(input, input.size(), used_whole);
  if (decode(input, 1, used_small) != whole || used_small != used_whole || whole.size() > size) __builtin_trap();
  return 0;
}
