// A stream that notes what passes: the dialogue without its secrets (trace_filter.h), for `--trace`.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "connectors/net/dial.h"
#include "connectors/net/stream.h"
#include "connectors/net/trace_filter.h"

namespace mailstead::net {

// Gets whole printable lines. Called from any thread that uses a stream: thread-safe.
using TraceSink = std::function<void(const std::string& line)>;

class TraceStream final : public Stream {
 public:
  // Each line begins with `name` and the seconds since now.
  TraceStream(std::unique_ptr<Stream> below, const std::string& name, TraceSink sink);
  ~TraceStream() override;

  [[nodiscard]] std::size_t read_some(std::span<char> into, const Deadline& deadline) override;
  void write_all(std::string_view bytes, const Deadline& deadline) override;
  [[nodiscard]] TryResult try_read(std::span<char> into) override;
  [[nodiscard]] TryResult try_write(std::string_view bytes) override;
  void start_tls(const TlsSettings& settings, const std::string& host, const Deadline& deadline) override;
  [[nodiscard]] TryResult try_accept_tls(const ServerTls& tls) override { return below_->try_accept_tls(tls); }
  [[nodiscard]] std::optional<TlsFacts> tls() const override { return below_->tls(); }
  [[nodiscard]] std::optional<connectors::ChannelBinding> channel_binding() const override {
    return below_->channel_binding();
  }
  [[nodiscard]] bool has_pending() const override { return below_->has_pending(); }
  [[nodiscard]] int descriptor() const override { return below_->descriptor(); }
  [[nodiscard]] std::string peer() const override { return below_->peer(); }
  void close() noexcept override;

  // Puts compression under it, so that what is noted stays readable (see compressed()).
  void compress(std::string_view received);

 private:
  void note_tls();
  void end(const std::string& how) noexcept;

  std::unique_ptr<Stream> below_;
  TraceFilter filter_;
  bool open_ = true;
};

// As `dialer`, noted. A failure to connect is noted, too.
using TracedDialer = std::function<std::unique_ptr<Stream>(const Endpoint&, const Deadline&)>;
[[nodiscard]] std::unique_ptr<Stream> dial_traced(const TracedDialer& dialer, const Endpoint& endpoint,
                                                  const Deadline& deadline, const std::string& name,
                                                  const TraceSink& sink);

}  // namespace mailstead::net
