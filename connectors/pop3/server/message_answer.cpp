#include "connectors/pop3/server/message_answer.h"

#include <algorithm>
#include <array>

#include "connectors/net/server_session.h"
#include "mail/failure.h"

namespace mailstead::pop3 {
namespace {
constexpr std::size_t kSlice = 32 * 1024;
}  // namespace

MessageAnswer::MessageAnswer(std::shared_ptr<const mail::Content> content, std::optional<std::uint64_t> body_lines)
    : content_(std::move(content)), lines_left_(body_lines) {}

bool MessageAnswer::produce(std::string& output) {
  std::array<char, kSlice> buffer;  // NOLINT: filled by read
  while (output.size() < net::kOutputHighWater) {
    std::size_t count = content_->read(offset_, buffer);
    std::string_view slice(buffer.data(), count);
    std::size_t wanted = lines_left_ ? top_part(slice) : count;
    encoder_.encode(slice.substr(0, wanted), output);
    offset_ += count;
    if (count == 0 && offset_ < content_->size()) {
      throw mail::Failure(mail::FailureKind::kStorage, mail::FailureScope::kMessage, "the message ends early on disk");
    }
    if (wanted < count || count < buffer.size()) {
      encoder_.finish(output);
      return true;
    }
  }
  return false;
}

// How much of the slice belongs to the answer; less than all when the last wanted line ends in it.
std::size_t MessageAnswer::top_part(std::string_view slice) {
  for (std::size_t at = 0; at < slice.size(); ++at) {
    if (!in_header_ && *lines_left_ == 0) return at;
    char c = slice[at];
    if (c != '\n') {
      line_is_empty_ = line_is_empty_ && c == '\r';
      continue;
    }
    if (!in_header_) --*lines_left_;
    if (line_is_empty_) in_header_ = false;
    line_is_empty_ = true;
  }
  return slice.size();
}

}  // namespace mailstead::pop3
