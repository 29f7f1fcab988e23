// A connection that holds a permit of the ConnectionBudget for as long as it lives. Everything else is the stream's.
#pragma once

#include <memory>
#include <utility>

#include "agent/pipeline/connection_budget.h"
#include "connectors/net/stream.h"

namespace mailstead::agent {

class CountedStream final : public net::Stream {
 public:
  CountedStream(std::unique_ptr<net::Stream> stream, ConnectionBudget::Permit permit)
      : permit_(std::move(permit)), stream_(std::move(stream)) {}

  [[nodiscard]] std::size_t read_some(std::span<char> into, const net::Deadline& deadline) override {
    return stream_->read_some(into, deadline);
  }
  void write_all(std::string_view bytes, const net::Deadline& deadline) override {
    stream_->write_all(bytes, deadline);
  }
  [[nodiscard]] net::TryResult try_read(std::span<char> into) override { return stream_->try_read(into); }
  [[nodiscard]] net::TryResult try_write(std::string_view bytes) override { return stream_->try_write(bytes); }
  void start_tls(const net::TlsSettings& settings, const std::string& host, const net::Deadline& deadline) override {
    stream_->start_tls(settings, host, deadline);
  }
  [[nodiscard]] net::TryResult try_accept_tls(const net::ServerTls& tls) override {
    return stream_->try_accept_tls(tls);
  }
  [[nodiscard]] std::optional<net::TlsFacts> tls() const override { return stream_->tls(); }
  [[nodiscard]] std::optional<connectors::ChannelBinding> channel_binding() const override {
    return stream_->channel_binding();
  }
  [[nodiscard]] bool has_pending() const override { return stream_->has_pending(); }
  [[nodiscard]] int descriptor() const override { return stream_->descriptor(); }
  [[nodiscard]] std::string peer() const override { return stream_->peer(); }
  void close() noexcept override { stream_->close(); }

 private:
  ConnectionBudget::Permit permit_;  // given back after the stream is gone
  std::unique_ptr<net::Stream> stream_;
};

}  // namespace mailstead::agent
