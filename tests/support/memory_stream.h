// A net::Stream whose peer's octets are all known beforehand: hands them out 1…n at a time and notes what is written.
// No socket, no thread, no waiting: at the end the peer has closed.
#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "connectors/net/stream.h"
#include "mail/failure.h"

namespace mailstead::testing {

class MemoryStream final : public net::Stream {
 public:
  // `chunk`: at most so many octets per read. `cut`: the first read ends there, to try every split of an input.
  explicit MemoryStream(std::string input, std::size_t chunk = 65536, std::size_t cut = std::string::npos,
                        std::shared_ptr<std::string> written = std::make_shared<std::string>())
      : input_(std::move(input)), chunk_(chunk), cut_(cut), written_(std::move(written)) {}

  std::size_t read_some(std::span<char> into, const net::Deadline&) override {
    std::size_t end = position_ < cut_ ? std::min(cut_, input_.size()) : input_.size();
    std::size_t count = std::min({into.size(), chunk_, end - position_});
    std::copy_n(input_.begin() + static_cast<std::ptrdiff_t>(position_), count, into.begin());
    position_ += count;
    return count;
  }
  void write_all(std::string_view bytes, const net::Deadline&) override { *written_ += bytes; }
  net::TryResult try_read(std::span<char>) override { return {net::TryResult::State::kEnd, 0}; }
  net::TryResult try_write(std::string_view) override { return {net::TryResult::State::kEnd, 0}; }
  void start_tls(const net::TlsSettings&, const std::string&, const net::Deadline&) override {
    throw mail::Failure(mail::FailureKind::kProtocol, mail::FailureScope::kSession, "no TLS here");
  }
  net::TryResult try_accept_tls(const net::ServerTls&) override { return {net::TryResult::State::kEnd, 0}; }
  std::optional<net::TlsFacts> tls() const override { return std::nullopt; }
  bool has_pending() const override { return position_ < input_.size(); }
  int descriptor() const override { return -1; }
  std::string peer() const override { return "127.0.0.1:143"; }
  void close() noexcept override {}

 private:
  std::string input_;
  std::size_t chunk_, cut_, position_ = 0;
  std::shared_ptr<std::string> written_;
};

}  // namespace mailstead::testing
