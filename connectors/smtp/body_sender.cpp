#include "connectors/smtp/body_sender.h"

#include <algorithm>

#include "mail/failure.h"
#include "mail/limits.h"

namespace mailstead::smtp {
namespace {

using mail::operator""_KiB;

constexpr std::size_t kBlock = 64_KiB;

}  // namespace

void BodySender::send_all_but_end(const mail::Content& content) {
  mail::ByteCount read = 0;
  mail::for_each_chunk(content, 0, content.size(), [&](std::string_view chunk) {
    read += chunk.size();
    for (; !chunk.empty(); chunk.remove_prefix(std::min(chunk.size(), kBlock))) encode(chunk.substr(0, kBlock));
  });
  if (read != content.size()) {
    throw mail::Failure(mail::FailureKind::kStorage, mail::FailureScope::kMessage,
                        "the kept message is shorter than it should be");
  }
}

void BodySender::encode(std::string_view bytes) {
  encoder_.encode(bytes, encoded_);
  if (encoded_.size() >= kBlock) flush();
}

void BodySender::send_end() {
  encoder_.finish(encoded_);
  flush();
}

void BodySender::flush() {
  writing_ = true;
  chat_.send(encoded_, block_wait_);
  writing_ = false;
  encoded_.clear();
}

}  // namespace mailstead::smtp
