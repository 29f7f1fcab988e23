// A command in the making: its text, and where to wait for "+" before a synchronising literal's octets (RFC 3501 §7.5).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "connectors/imap/client/capabilities.h"

namespace mailstead::imap {

class CommandText {
 public:
  CommandText() = default;
  explicit CommandText(std::string_view text) : text_(text) {}

  CommandText& raw(std::string_view text) {
    text_ += text;
    return *this;
  }
  // Quoted where that carries it: a literal costs a round trip, and iCloud drops the connection over one.
  CommandText& astring(std::string_view bytes, const Capabilities& capabilities);

  // A mailbox name as it stands on the wire. With `utf8` (RFC 6855 §3, RFC 9051 §4.3) any text can be quoted.
  CommandText& mailbox(std::string_view wire, const Capabilities& capabilities, bool utf8);

  [[nodiscard]] const std::string& text() const noexcept { return text_; }
  // Offsets in text() before which the server must say "+".
  [[nodiscard]] const std::vector<std::size_t>& pauses() const noexcept { return pauses_; }
  // Overwrites the text: it held a password.
  void wipe() noexcept;

 private:
  std::string text_;
  std::vector<std::size_t> pauses_;
};

}  // namespace mailstead::imap
