#include "connectors/imap/client/shared_sink.h"

#include <utility>

#include "mail/failure.h"

namespace mailstead::imap {

using mail::Failure;
using mail::FailureScope;

void SharedSink::rethrow_failure() {
  std::lock_guard lock(failing_);
  if (failure_) std::rethrow_exception(failure_);
}

template <typename Work>
void SharedSink::guarded(Work work) {
  rethrow_failure();
  try {
    work();
  } catch (const Failure& failure) {
    if (failure.scope() == FailureScope::kMessage) throw;
    std::lock_guard lock(failing_);
    if (!failure_) failure_ = std::current_exception();
    throw;
  } catch (...) {
    std::lock_guard lock(failing_);
    if (!failure_) failure_ = std::current_exception();
    throw;
  }
}

void SharedSink::Part::begin(const retrieval::Incoming& message) {
  shared_.rethrow_failure();
  message_ = message;
  held_.clear();
  bytes_ = 0;
}

// The sink for ourselves, and what was held goes there.
void SharedSink::Part::take_turn() {
  turn_ = std::unique_lock(shared_.turn_);
  shared_.guarded([&] {
    shared_.sink_.begin(message_);
    begun_ = true;
    if (!held_.empty()) shared_.sink_.append(held_);
  });
  held_.clear();
}

void SharedSink::Part::append(std::string_view bytes) {
  bytes_ += bytes.size();
  if (!turn_ && held_.size() + bytes.size() <= kHeldInMemory) {
    held_ += bytes;
    return;
  }
  if (!turn_) take_turn();
  shared_.guarded([&] { shared_.sink_.append(bytes); });
}

void SharedSink::Part::end() {
  try {
    if (!turn_) take_turn();
    // Whatever end() does, the message is no longer open in the sink.
    begun_ = false;
    shared_.guarded([&] { shared_.sink_.end(); });
  } catch (...) {
    abort();
    throw;
  }
  turn_.unlock();
  turn_ = {};
  ended_.push_back(message_.source.uid);
  ended_bytes_ += bytes_;
}

void SharedSink::Part::abort() noexcept {
  if (std::exchange(begun_, false)) shared_.sink_.abort();
  held_.clear();
  if (turn_) turn_ = {};
}

void SharedSink::Part::skipped(const retrieval::Incoming& message, const std::string& reason) {
  std::lock_guard lock(shared_.turn_);
  shared_.guarded([&] { shared_.sink_.skipped(message, reason); });
}

void SharedSink::Part::flush() {
  std::lock_guard lock(shared_.turn_);
  shared_.guarded([&] { shared_.sink_.flush(); });
}

std::vector<storage::SourceRef> SharedSink::Part::take_durable() {
  std::lock_guard lock(shared_.turn_);
  return shared_.sink_.take_durable();
}

void SharedSink::Part::forget_ended() noexcept {
  ended_.clear();
  ended_bytes_ = 0;
}

}  // namespace mailstead::imap
