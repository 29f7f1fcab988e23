// Flags of a placed message: the five permanent system flags of RFC 3501 §2.3.2 and free keywords.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace mailstead::mail {

enum : std::uint8_t { kSeen = 1, kAnswered = 2, kFlagged = 4, kDeleted = 8, kDraft = 16 };

struct Flags {
  std::uint8_t system = 0;
  std::vector<std::string> keywords;  // sorted, unique without regard to ASCII case; atoms only

  [[nodiscard]] bool has(std::uint8_t flag) const noexcept { return (system & flag) != 0; }
  [[nodiscard]] bool has_keyword(std::string_view keyword) const noexcept;
  // By IMAP name ("\\Seen", "$Forwarded"); false when the name is neither a known system flag nor an atom, or is
  // \Recent.
  bool add(std::string_view name);
  bool remove(std::string_view name);
  [[nodiscard]] std::vector<std::string> names() const;  // system flags first
  bool operator==(const Flags&) const = default;
};

[[nodiscard]] bool is_keyword(std::string_view name) noexcept;  // an IMAP atom of at most 128 octets

}  // namespace mailstead::mail
