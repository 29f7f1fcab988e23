// IMAP's COMPRESS=DEFLATE (RFC 4978): raw deflate (RFC 1951) in both directions over another stream.
//
// Each write ends on a sync flush, so that the peer can read all of it. What the peer sends may not grow without bound:
// after the first kBombAllowance octets of output, kMaxInflation octets for each octet received are the most
// (kLimit/kSession), and no call produces more than its caller's buffer. Broken deflate is kProtocol/kSession.
// Memory: about 55 KiB a client's side, most of it the window that the peer may use; buffers are given back when empty.
// A server's side takes 256 KiB more while it speaks, not while it rests.
#pragma once

#include <zlib.h>

#include <memory>
#include <string>
#include <string_view>

#include "connectors/net/stream.h"
#include "mail/limits.h"

namespace mailstead::net {

class DeflateStream final : public Stream {
 public:
  static constexpr mail::ByteCount kBombAllowance = 1 << 20U;
  static constexpr mail::ByteCount kMaxInflation = 100;

  // What our side mostly sends: commands are short and sessions many, so they get a small window.
  enum class Sends { kCommands, kMail };

  // From now on both sides compress. `received`: what was read from `below` behind the answer that began it.
  DeflateStream(std::unique_ptr<Stream> below, std::string_view received, Sends sends = Sends::kCommands);
  ~DeflateStream() override;
  DeflateStream(const DeflateStream&) = delete;
  DeflateStream& operator=(const DeflateStream&) = delete;

  [[nodiscard]] std::size_t read_some(std::span<char> into, const Deadline& deadline) override;
  void write_all(std::string_view bytes, const Deadline& deadline) override;
  [[nodiscard]] TryResult try_read(std::span<char> into) override;
  // After kWantsWrite the next call must begin with the same octets: they are compressed already.
  [[nodiscard]] TryResult try_write(std::string_view bytes) override;
  // Refused: TLS comes before compression (RFC 4978 §3).
  void start_tls(const TlsSettings& settings, const std::string& host, const Deadline& deadline) override;
  [[nodiscard]] TryResult try_accept_tls(const ServerTls& tls) override;

  [[nodiscard]] std::optional<TlsFacts> tls() const override { return below_->tls(); }
  [[nodiscard]] std::optional<connectors::ChannelBinding> channel_binding() const override {
    return below_->channel_binding();
  }
  [[nodiscard]] bool has_pending() const override;
  // The deflater goes; what it sends next does not refer to what it sent before.
  void rest() noexcept override;
  [[nodiscard]] int descriptor() const override { return below_->descriptor(); }
  [[nodiscard]] std::string peer() const override { return below_->peer(); }
  void close() noexcept override { below_->close(); }

 private:
  [[nodiscard]] std::size_t inflate_some(std::span<char> into);
  void open_deflater();
  void deflate_all(std::string_view bytes, int flush);
  void check_growth() const;

  std::unique_ptr<Stream> below_;
  z_stream inflater_{}, deflater_{};
  std::string received_;       // compressed, not yet inflated
  std::size_t used_ = 0;       // of received_
  bool holds_output_ = false;  // the inflater filled its caller's buffer and may have more
  const Sends sends_;
  bool deflates_ = false;      // there is a deflater
  bool ended_ = false;         // the peer closed its deflate stream
  mail::ByteCount taken_ = 0;  // octets inflated
  mail::ByteCount made_ = 0;   // octets they became
  std::string compressed_;     // to be sent
  std::size_t sent_ = 0;       // of compressed_
  std::size_t promised_ = 0;   // octets of try_write()'s caller that compressed_ stands for
};

// The stream, compressed from now on. A trace (trace_stream.h) stays above, so that it notes clear text.
[[nodiscard]] std::unique_ptr<Stream> compressed(std::unique_ptr<Stream> stream, std::string_view received);

}  // namespace mailstead::net
