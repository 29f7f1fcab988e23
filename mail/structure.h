// The MIME structure of a message (RFC 2045, 2046, 2183) by octet offsets, found in one pass with bounded memory.
// Nothing is decoded and no byte copied but the headers of the part in hand.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mail/limits.h"

namespace mailstead::mail {

class HeaderBlock;

// What IMAP calls an envelope (RFC 3501 §7.4.2): raw, unfolded field values of a message's header.
struct Envelope {
  std::string date, subject, from, sender, reply_to, to, cc, bcc, in_reply_to, message_id;
  std::string references;  // no part of IMAP's; of the root alone: condensed_references() (mail/message_ids.h)
  bool operator==(const Envelope&) const = default;
};

struct Part {
  std::string type = "text", subtype = "plain";                 // lower case; multipart/digest children: message/rfc822
  std::vector<std::pair<std::string, std::string>> parameters;  // names lower case, raw values with quotes resolved
  std::string id, description, encoding = "7bit", md5, language, location;  // raw; encoding lower case
  std::string disposition;                                                  // lower case; empty when there was none
  std::vector<std::pair<std::string, std::string>> disposition_parameters;

  // Offsets count from the message's first octet. The header runs from header_offset up to body_offset.
  ByteCount header_offset = 0, body_offset = 0, body_size = 0;
  std::uint64_t lines = 0;           // of the body: line ends, plus one when the last line has none
  std::vector<Part> children;        // of a multipart; of message/rfc822 exactly one, the message inside
  std::optional<Envelope> envelope;  // of the root and of the message inside message/rfc822

  // A multipart in which no part was found (no boundary, a limit) is a leaf of opaque octets.
  [[nodiscard]] bool is_multipart() const noexcept { return type == "multipart" && !children.empty(); }
  [[nodiscard]] bool is_message() const noexcept { return type == "message" && !children.empty(); }
  bool operator==(const Part&) const = default;
};

// Feed the message in pieces of any size, then finish() once. Beyond a limit the rest of a part is its opaque body.
// Memory: the open headers (≤ limits.header_bytes) and the parts found (≤ limits.mime_parts).
class StructureParser {
 public:
  explicit StructureParser(const ParseLimits& limits = {});
  ~StructureParser();
  StructureParser(StructureParser&&) noexcept;
  StructureParser& operator=(StructureParser&&) noexcept;
  void feed(std::string_view bytes);
  [[nodiscard]] Part finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

[[nodiscard]] Part parse_structure(std::string_view message, const ParseLimits& limits = {});

// The part that IMAP section numbers name (RFC 3501 §6.4.5): "2.1" is {2, 1}, and the numbers of a message/rfc822 go on
// with the message inside. nullptr when there is no such part, and for no numbers at all the root. Lives as long as it.
[[nodiscard]] const Part* find_part(const Part& root, std::span<const std::uint32_t> numbers) noexcept;

// Envelope of a header block: the first field of each name, but address fields that repeat are joined.
[[nodiscard]] Envelope read_envelope(const HeaderBlock& header);

// For people and rules, decoded to valid UTF-8: a parameter of Content-Type or Content-Disposition (RFC 2231), and the
// name under which a part is to be saved; empty when there is none.
[[nodiscard]] std::string decoded_parameter(const std::vector<std::pair<std::string, std::string>>& raw,
                                            std::string_view name);
[[nodiscard]] std::string file_name(const Part& part);
// The part's body decoded and, for text, converted to UTF-8; `body` are its octets as they stand in the message.
[[nodiscard]] std::string decoded_body(const Part& part, std::string_view body);

// A compact form for storing beside the message; forms of earlier versions are read, too. decode returns nullopt on
// anything that encode did not write.
[[nodiscard]] std::string encode_structure(const Part& root);
[[nodiscard]] std::optional<Part> decode_structure(std::string_view bytes);

}  // namespace mailstead::mail
