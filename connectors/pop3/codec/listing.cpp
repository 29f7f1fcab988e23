#include "connectors/pop3/codec/listing.h"

#include <algorithm>

#include "connectors/pop3/codec/number.h"
#include "mail/ascii.h"

namespace mailstead::pop3 {

std::optional<UidlLine> parse_uidl_line(std::string_view line) noexcept {
  auto number = parse_message_number(take_word(line));
  if (!number) return std::nullopt;
  while (!line.empty() && mail::is_blank(line.back())) line.remove_suffix(1);
  return UidlLine{*number, line};
}

std::optional<ListLine> parse_list_line(std::string_view line) noexcept {
  auto number = parse_message_number(take_word(line));
  if (!number) return std::nullopt;
  return ListLine{*number, parse_number(take_word(line))};
}

bool is_usable_uidl(std::string_view uidl) noexcept {
  return !uidl.empty() && std::none_of(uidl.begin(), uidl.end(), [](char c) {
    auto octet = static_cast<unsigned char>(c);
    return octet < 0x20 || octet == 0x7F;
  });
}

}  // namespace mailstead::pop3
