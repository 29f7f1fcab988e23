// Address lists: groups balance, and what we write of them reads back the same.
#include <cstdint>
#include <string>

#include "fuzz/check.h"
#include "mail/address.h"
#include "mail/charset.h"
#include "mail/header.h"

using namespace mailstead::mail;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view value(reinterpret_cast<const char*>(data), size);
  int depth = 0;
  for (const Address& address : parse_addresses(value)) {
    depth += address.kind == Address::Kind::kGroupBegin ? 1 : address.kind == Address::Kind::kGroupEnd ? -1 : 0;
    FUZZ_CHECK(depth == 0 || depth == 1);
    FUZZ_CHECK(is_valid_utf8(decoded_name(address)));
    if (address.kind != Address::Kind::kMailbox) continue;
    std::string spec = address.addr_spec();
    if (is_envelope_address(spec)) {
      auto again = parse_addresses(spec);
      FUZZ_CHECK(again.size() == 1 && again[0].local == address.local && again[0].domain == address.domain);
      FUZZ_CHECK(spec.find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos);
    }
  }
  FUZZ_CHECK(depth == 0);
  (void)is_envelope_address(value);
  (void)format_addresses(parse_addresses(value));
  return 0;
}
