#include "connectors/imap/client/idle.h"

#include <poll.h>

#include <utility>

#include "mail/failure.h"

namespace mailstead::imap {
namespace {

using mail::Failure;
using mail::FailureKind;
using mail::FailureScope;

// A descriptor may be readable without a byte for us (a TLS record of its own): waiting for one ends soon.
constexpr std::chrono::milliseconds kShortRead{1000};
constexpr std::chrono::seconds kHasty{10};

}  // namespace

bool Idle::untagged(const Response& response) {
  // Several EXISTS in a row, and such that tell nothing new, are common; some servers send none after an EXPUNGE. The
  // session counts what arrives.
  if (std::exchange(session_.mailbox().arrived, 0) > 0) news_.add(selected_);
  if (response.has_code("NOTIFICATIONOVERFLOW")) news_.anywhere();
  return response.is_data("STATUS") && read_news(response.rest, others_, news_);
}

bool Idle::begin() {
  if (std::exchange(session_.mailbox().arrived, 0) > 0) news_.add(selected_);
  tag_ = session_.send(CommandText("IDLE"));
  // QUIRK: Microsoft 365, Webklex/php-imap#258: EXISTS before the "+"; the handler takes it.
  Step step = session_.await_continuation(tag_, *this);
  if (step.kind == Step::Kind::kTagged) {
    tag_ = 0;
    return false;
  }
  since_ = std::chrono::steady_clock::now();
  drain();
  look();  // what came with the "+" would not wake an epoll
  return true;
}

void Idle::look() {
  while (waiting() && readable()) {
    auto began = std::chrono::steady_clock::now();
    try {
      session_.reader().fill(session_.patience().within(kShortRead));
    } catch (const Failure& failure) {
      bool passed = std::chrono::steady_clock::now() - began >= kShortRead;
      if (failure.kind() != FailureKind::kTemporary || !passed) throw;
      break;
    }
    drain();
  }
}

void Idle::drain() {
  while (waiting() && session_.reader().buffered().find('\n') != std::string_view::npos) {
    Step step = session_.step(*this);
    if (step.kind != Step::Kind::kTagged || step.completion.tag != tag_) continue;
    tag_ = 0;
    hasty_ends_ = silent_for(std::chrono::steady_clock::now()) < kHasty ? hasty_ends_ + 1 : 0;
    if (!step.completion.ok())
      throw Failure(FailureKind::kTemporary, FailureScope::kSession,
                    "the server will not wait any longer (IDLE): " + step.completion.text);
  }
}

void Idle::end() {
  if (tag_ == 0) return;
  session_.send_line("DONE");
  (void)session_.finish(std::exchange(tag_, 0), *this);
}

bool Idle::readable() const {
  net::Stream& stream = session_.stream();
  if (stream.has_pending()) return true;
  pollfd descriptor{stream.descriptor(), POLLIN, 0};
  return descriptor.fd >= 0 && ::poll(&descriptor, 1, 0) > 0;
}

}  // namespace mailstead::imap
