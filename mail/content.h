// The immutable bytes of one message (or of one edited form of it), wherever they lie: in memory, in a spool file,
// in a segment. Mail is bytes: nothing here changes, adds or drops one.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "mail/limits.h"

namespace mailstead::mail {

// Thread-safe for concurrent readers. Throws Failure(kStorage) when the bytes cannot be read.
class Content {
 public:
  virtual ~Content() = default;
  [[nodiscard]] virtual ByteCount size() const = 0;
  // Fills `into` from `offset`; returns the count read, less than into.size() only at the end.
  [[nodiscard]] virtual std::size_t read(ByteCount offset, std::span<char> into) const = 0;
  // The whole content if it lies in memory; the view lives as long as this object.
  [[nodiscard]] virtual std::optional<std::string_view> in_memory() const { return std::nullopt; }
};

class MemoryContent final : public Content {
 public:
  explicit MemoryContent(std::string bytes) : bytes_(std::move(bytes)) {}
  [[nodiscard]] ByteCount size() const override { return bytes_.size(); }
  [[nodiscard]] std::size_t read(ByteCount offset, std::span<char> into) const override;
  [[nodiscard]] std::optional<std::string_view> in_memory() const override { return bytes_; }

 private:
  std::string bytes_;
};

// One content behind another: an edited header block before an untouched body, for example.
class JoinedContent final : public Content {
 public:
  // `tail` from `tail_offset` to its end follows `head`.
  JoinedContent(std::string head, std::shared_ptr<const Content> tail, ByteCount tail_offset);
  [[nodiscard]] ByteCount size() const override;
  [[nodiscard]] std::size_t read(ByteCount offset, std::span<char> into) const override;

 private:
  std::string head_;
  std::shared_ptr<const Content> tail_;
  ByteCount tail_offset_;
};

// Calls visit(chunk) for [offset, offset+length) in chunks of at most 64 KiB; a view lives during the call only.
template <typename Visit>
void for_each_chunk(const Content& content, ByteCount offset, ByteCount length, Visit&& visit);

// Reads [offset, offset+length) whole. The caller has checked that length is acceptable.
[[nodiscard]] std::string read_range(const Content& content, ByteCount offset, ByteCount length);

}  // namespace mailstead::mail

#include "mail/content_inl.h"
