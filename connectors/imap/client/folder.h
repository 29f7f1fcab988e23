// A remote folder as its server lists it (LIST, RFC 3501 §7.2.2, RFC 5258; special use RFC 6154) and what STATUS told.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mailstead::imap {

// STATUS (RFC 3501 §7.2.4). nullopt: not asked for, or no number.
struct MailboxCounts {
  std::optional<std::uint64_t> messages, unseen, uid_next, uid_validity, highest_modseq;
};

struct Folder {
  std::string name;  // UTF-8, with the server's delimiter
  std::string wire;  // as the server writes it
  char delimiter = '\0';
  bool selectable = true, subscribed = false;
  std::string special_use;                // "\\Sent", or empty; the first of special_uses
  std::vector<std::string> special_uses;  // as RFC 6154 spells them
  std::optional<MailboxCounts> status;    // at the beginning of the poll; nullopt: not asked for, or no answer

  [[nodiscard]] bool has_use(std::string_view use) const noexcept;  // "\\Sent", any case
};

// A name that nobody asked the server for. `utf8`: Session::utf8_names().
[[nodiscard]] Folder folder_named(const std::string& name, bool utf8 = false);
// A name on the wire.
[[nodiscard]] std::string wire_name(const std::string& name, bool utf8);

// One LIST response's data; nullopt when it cannot be read.
[[nodiscard]] std::optional<Folder> decode_list(std::string_view rest, bool utf8 = false);

}  // namespace mailstead::imap
