#include "connectors/smtp/envelope.h"

#include <algorithm>

#include "mail/address.h"

namespace mailstead::smtp {
namespace {

constexpr std::size_t kMaxPath = 320;  // 64 octets, "@", 255 octets (RFC 5321 §4.5.3.1)

bool is_control(char c) noexcept {
  auto octet = static_cast<unsigned char>(c);
  return octet < 0x20 || octet == 0x7f;
}

}  // namespace

bool is_path(std::string_view address) {
  if (address.empty() || address.size() > kMaxPath) return false;
  // Held here too, whatever the address parser thinks: this is what keeps one command one command.
  if (std::any_of(address.begin(), address.end(), is_control)) return false;
  // "<" and ">" could stand in a quoted local part, and servers disagree on where such a path ends.
  if (address.find_first_of("<>") != std::string_view::npos) return false;
  if (mail::is_envelope_address(address)) return true;
  return address.find('@') == std::string_view::npos &&
         mail::is_envelope_address(std::string(address) + "@localhost.localdomain");
}

bool needs_smtp_utf8(std::string_view address) noexcept {
  return std::any_of(address.begin(), address.end(), [](char c) { return static_cast<unsigned char>(c) > 0x7f; });
}

std::string mail_command(std::string_view sender, const MailParameters& parameters, const Extensions& extensions) {
  std::string command = "MAIL FROM:<";
  command.append(sender).append(">");
  if (extensions.size) command.append(" SIZE=").append(std::to_string(parameters.size));
  // Without the extension 8-bit text goes as it is ("just send 8"): nearly every server takes it, and a conversion
  // would break signatures. RFC 6531 §3.4 wants the parameter with SMTPUTF8.
  if (extensions.eight_bit_mime && parameters.eight_bit) command.append(" BODY=8BITMIME");
  if (extensions.smtp_utf8 && parameters.utf8) command.append(" SMTPUTF8");
  return command.append("\r\n");
}

std::string recipient_command(std::string_view recipient) {
  return std::string("RCPT TO:<").append(recipient).append(">\r\n");
}

}  // namespace mailstead::smtp
