// One MessageSink for several threads: each writes through a part of its own, and the sink sees whole messages one
// after the other.
//
// A part holds a message in memory until it is whole, so that a slow connection keeps nobody from the sink; one of more
// than kHeldInMemory octets has the sink for itself from there on until it ends.
#pragma once

#include <exception>
#include <mutex>
#include <string>
#include <vector>

#include "connectors/retrieval.h"
#include "mail/units.h"

namespace mailstead::imap {

inline constexpr std::size_t kHeldInMemory = 1024 * 1024;  // a part

// Thread-safe; outlives its parts. While parts live nobody else uses the sink.
class SharedSink {
 public:
  class Part;
  explicit SharedSink(retrieval::MessageSink& sink) : sink_(sink) {}

  // Throws what the sink threw to any part, unless that was about one message only. From then on no part gets through.
  void rethrow_failure();

 private:
  template <typename Work>
  void guarded(Work work);

  retrieval::MessageSink& sink_;
  std::mutex turn_;     // held while a message is under way in the sink
  std::mutex failing_;  // guards failure_
  std::exception_ptr failure_;
};

// Of one thread. A failure about one message is thrown by the call that learns of it, which may be end(); the message
// is then aborted by abort(), or has been when end() threw.
class SharedSink::Part final : public retrieval::MessageSink {
 public:
  explicit Part(SharedSink& shared) : shared_(shared) {}
  ~Part() override { abort(); }
  Part(const Part&) = delete;
  Part& operator=(const Part&) = delete;

  void begin(const retrieval::Incoming& message) override;
  void append(std::string_view bytes) override;
  void end() override;
  void abort() noexcept override;
  void skipped(const retrieval::Incoming& message, const std::string& reason) override;
  // Of the whole sink: for its owner, not for a part.
  void flush() override;
  [[nodiscard]] std::vector<storage::SourceRef> take_durable() override;

  // The messages that were ended, in this order, and their octets.
  [[nodiscard]] const std::vector<storage::Uid>& ended() const noexcept { return ended_; }
  [[nodiscard]] mail::ByteCount ended_bytes() const noexcept { return ended_bytes_; }
  void forget_ended() noexcept;

 private:
  void take_turn();

  SharedSink& shared_;
  std::unique_lock<std::mutex> turn_;
  bool begun_ = false;  // in the sink
  retrieval::Incoming message_;
  std::string held_;
  mail::ByteCount bytes_ = 0;
  std::vector<storage::Uid> ended_;
  mail::ByteCount ended_bytes_ = 0;
};

}  // namespace mailstead::imap
