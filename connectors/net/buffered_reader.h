// Input of a client session: one buffer over a Stream, from which codecs take lines and octets without copies.
//
// Bounded: the buffer holds at most one line (its limit) or one chunk (64 KiB). One thread at a time.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/net/stream.h"
#include "mail/limits.h"

namespace mailstead::net {

class BufferedReader {
 public:
  explicit BufferedReader(Stream& stream);

  // The bytes in hand; valid until the next call on this object.
  [[nodiscard]] std::string_view buffered() const noexcept;
  // Waits until more bytes have joined the buffer. Throws Failure(kTemporary, kSession) "connection closed" at the end
  // of the stream; a line that ends so was never a line (a truncated transfer is never a message).
  void fill(const Deadline& deadline);
  void consume(std::size_t count) noexcept;

  // The next line without its CRLF (a lone LF is accepted), valid until the next call. Throws kLimit above `limit`.
  [[nodiscard]] std::string_view read_line(std::size_t limit, const Deadline& deadline);
  // Hands exactly `count` octets to visit in chunks, restarting the idle wait at each chunk.
  void read_exactly(mail::ByteCount count, std::chrono::milliseconds idle_wait, const Deadline& deadline,
                    const std::function<void(std::string_view)>& visit);

  // Goes on over another stream (compression begins): what is in hand belongs to it. take_buffered() leaves the buffer
  // empty.
  [[nodiscard]] std::string take_buffered();
  void read_from(Stream& stream) noexcept { stream_ = &stream; }
  // Before a TLS handshake: anything buffered came in the clear and may be forged (RFC 3207 §6, NO STARTTLS study).
  // Throws Failure(kProtocol, kSession) when the buffer is not empty.
  void require_empty() const;
  // Frees the memory of an empty buffer: before a session is parked.
  void shrink() noexcept;
  // Octets read from the stream so far.
  [[nodiscard]] mail::ByteCount total() const noexcept { return total_; }

 private:
  void make_room();

  Stream* stream_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0, end_ = 0;
  mail::ByteCount total_ = 0;
};

}  // namespace mailstead::net
