#include "connectors/net/buffered_reader.h"

#include <algorithm>
#include <cstring>

#include "mail/failure.h"

namespace mailstead::net {
namespace {

using mail::Failure;
using mail::FailureKind;
using mail::FailureScope;

constexpr std::size_t kFirstChunk = 4096;  // a quiet session holds no more
constexpr std::size_t kChunk = 64 * 1024;
// A caller that fills without consuming has forgotten its own limit.
constexpr std::size_t kMaxBuffered = 16 * 1024 * 1024;

}  // namespace

BufferedReader::BufferedReader(Stream& stream) : stream_(&stream) {}

std::string_view BufferedReader::buffered() const noexcept {
  return {buffer_.data() + begin_, end_ - begin_};
}

void BufferedReader::consume(std::size_t count) noexcept {
  begin_ += std::min(count, end_ - begin_);
  if (begin_ == end_) begin_ = end_ = 0;
}

std::string BufferedReader::take_buffered() {
  std::string bytes(buffered());
  begin_ = end_ = 0;
  return bytes;
}

void BufferedReader::shrink() noexcept {
  if (begin_ == end_) std::vector<char>().swap(buffer_), begin_ = end_ = 0;
}

void BufferedReader::make_room() {
  // A buffer that a read filled is too small for what the peer sends at once.
  if (buffer_.empty()) buffer_.resize(kFirstChunk);
  if (begin_ > 0 && end_ == buffer_.size()) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (end_ < buffer_.size() && (buffer_.size() - end_ >= kFirstChunk / 2 || buffer_.size() >= kChunk)) return;
  if (buffer_.size() >= kMaxBuffered)
    throw Failure(FailureKind::kLimit, FailureScope::kSession, stream_->peer() + ": answer too long");
  buffer_.resize(buffer_.size() < kChunk ? kChunk : buffer_.size() * 2);
}

void BufferedReader::fill(const Deadline& deadline) {
  make_room();
  const std::size_t got = stream_->read_some(std::span(buffer_).subspan(end_), deadline);
  if (got == 0) throw Failure(FailureKind::kTemporary, FailureScope::kSession, stream_->peer() + ": connection closed");
  end_ += got;
  total_ += got;
  // The read filled the small buffer: the next one gets a whole chunk.
  if (end_ == buffer_.size() && buffer_.size() < kChunk) buffer_.resize(kChunk);
}

std::string_view BufferedReader::read_line(std::size_t limit, const Deadline& deadline) {
  std::size_t searched = 0;
  for (;;) {
    const std::string_view bytes = buffered();
    const auto* found = static_cast<const char*>(
        bytes.size() > searched ? std::memchr(bytes.data() + searched, '\n', bytes.size() - searched) : nullptr);
    const std::size_t length = found != nullptr ? static_cast<std::size_t>(found - bytes.data()) : bytes.size();
    // The CR may be the last byte within reach while its LF is not there yet.
    const bool ends_in_cr = length > 0 && bytes[length - 1] == '\r';
    if (length - (ends_in_cr ? 1 : 0) > limit)
      throw Failure(FailureKind::kLimit, FailureScope::kSession,
                    stream_->peer() + ": line longer than " + std::to_string(limit) + " octets");
    if (found != nullptr) {
      const std::string_view line = bytes.substr(0, length - (ends_in_cr ? 1 : 0));
      consume(length + 1);  // moves the bounds only: the view stays
      return line;
    }
    searched = bytes.size();
    fill(deadline);
  }
}

void BufferedReader::read_exactly(mail::ByteCount count, std::chrono::milliseconds idle_wait, const Deadline& deadline,
                                  const std::function<void(std::string_view)>& visit) {
  while (count > 0) {
    if (begin_ == end_) fill(deadline.capped(idle_wait));
    const auto chunk = buffered().substr(0, static_cast<std::size_t>(std::min<mail::ByteCount>(count, end_ - begin_)));
    visit(chunk);
    count -= chunk.size();
    consume(chunk.size());
  }
}

void BufferedReader::require_empty() const {
  if (begin_ != end_)
    throw Failure(FailureKind::kProtocol, FailureScope::kSession,
                  stream_->peer() + ": sent more in the clear behind its answer to STARTTLS (an attack?)");
}

}  // namespace mailstead::net
