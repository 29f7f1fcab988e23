// Dates: whatever is made out can be written and read back.
#include <cstdint>
#include <string_view>

#include "fuzz/check.h"
#include "mail/date.h"
#include "mail/units.h"

using namespace mailstead::mail;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  if (auto date = parse_date(text)) {
    auto again = parse_date(format_date(date->utc, date->zone_minutes));
    FUZZ_CHECK(again.has_value() && *again == *date);
  }
  (void)parse_size(text);
  if (auto duration = parse_duration(text)) FUZZ_CHECK(!format_duration(*duration).empty());
  return 0;
}
