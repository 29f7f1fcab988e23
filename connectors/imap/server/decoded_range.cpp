#include "connectors/imap/server/decoded_range.h"

#include <algorithm>

#include "mail/failure.h"

namespace mailstead::imap {
namespace {

constexpr mail::ByteCount kReadSize = 64 * 1024;

}  // namespace

std::string DecodedRange::next() {
  if (range_.size == 0) {
    ended_ = true;
    return decoder_.finish();
  }
  const mail::ByteCount count = std::min(range_.size, kReadSize);
  const std::string raw = mail::read_range(content_, range_.offset, count);
  if (raw.size() != count)
    throw mail::Failure(mail::FailureKind::kStorage, mail::FailureScope::kMessage, "the message cannot be read");
  range_.offset += count;
  range_.size -= count;
  return decoder_.feed(raw);
}

}  // namespace mailstead::imap
