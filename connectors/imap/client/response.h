// One response line of a server, taken apart as far as every response is alike (RFC 3501 §7): who it answers, status
// and code, or the number and word of its data. Pure; views live as long as the line.
//
// Throws Failure(kProtocol, kSession) for what is no response at all. Data after the word is left to its decoder.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace mailstead::imap {

enum class Status { kOk, kNo, kBad, kBye, kPreauth };

struct Response {
  enum class Kind { kContinuation, kTagged, kStatus, kData };
  Kind kind = Kind::kData;
  std::string_view tag;                 // kTagged
  Status status = Status::kOk;          // kTagged, kStatus
  std::string_view code, arguments;     // "[UIDNEXT 5]": "UIDNEXT" and "5"; empty without
  std::string_view text;                // for people, or after "+"
  std::optional<std::uint32_t> number;  // kData: "* 5 EXISTS"
  std::string_view word;                // kData
  std::string_view rest;                // kData: after word and blank

  [[nodiscard]] bool is_data(std::string_view name) const noexcept;   // "EXISTS", any case
  [[nodiscard]] bool has_code(std::string_view name) const noexcept;  // "UIDNEXT", any case
};

[[nodiscard]] Response parse_response(std::string_view line);

// Whether the line, as far as it came, is a status response or a continuation: those end in free text, in which "{5}"
// is no literal.
[[nodiscard]] bool ends_in_text(std::string_view line) noexcept;

[[nodiscard]] bool same_word(std::string_view a, std::string_view b) noexcept;  // ASCII, any case

}  // namespace mailstead::imap
