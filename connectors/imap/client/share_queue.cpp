#include "connectors/imap/client/share_queue.h"

#include <algorithm>
#include <utility>

namespace mailstead::imap {

// Under the lock.
std::vector<Listed> ShareQueue::next_share() {
  const std::size_t left = messages_.size() - next_;
  const std::size_t count = std::min(left, std::max(kSmallestShare, left / (2 * takers_)));
  const auto begin = messages_.begin() + static_cast<std::ptrdiff_t>(next_);
  next_ += count;
  return {begin, begin + static_cast<std::ptrdiff_t>(count)};
}

std::vector<Listed> ShareQueue::take() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return !returned_.empty() || next_ < messages_.size() || with_helpers_ == 0; });
  if (!returned_.empty()) {
    std::vector<Listed> share = std::move(returned_.front());
    returned_.pop_front();
    return share;
  }
  if (next_ < messages_.size()) return next_share();
  if (last_.empty()) return {};
  std::vector<Listed> alone;
  alone.push_back(std::move(last_.front()));
  last_.pop_front();
  return alone;
}

std::vector<Listed> ShareQueue::take_for_helper() {
  std::lock_guard lock(mutex_);
  if (closed_ || next_ == messages_.size()) return {};
  ++with_helpers_;
  return next_share();
}

void ShareQueue::give_back(std::vector<Listed> rest, std::vector<Listed> last) {
  std::lock_guard lock(mutex_);
  --with_helpers_;
  if (!rest.empty()) returned_.push_back(std::move(rest));
  for (Listed& message : last) last_.push_back(std::move(message));
  changed_.notify_all();
}

void ShareQueue::close() {
  std::lock_guard lock(mutex_);
  closed_ = true;
}

}  // namespace mailstead::imap
