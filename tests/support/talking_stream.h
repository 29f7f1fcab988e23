// The server's side of a session whose words are all given beforehand, as in memory_stream.h, but one that
// follows the client a little: the octet 1 stands for the oldest command tag not answered yet, so that an input can
// come far into a session. Shared by the streams of one retriever: a new connection goes on where the last one ended.
#pragma once

#include <algorithm>
#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "connectors/net/stream.h"
#include "mail/failure.h"

namespace mailstead::testing {

class Server {
 public:
  Server(std::string_view words, std::size_t chunk) : words_(words), chunk_(std::max<std::size_t>(chunk, 1)) {}

  std::size_t read(std::span<char> into) {
    std::size_t count = 0;
    while (count < std::min(into.size(), chunk_)) {
      if (expansion_.empty()) {
        if (at_ == words_.size()) break;
        const char next = words_[at_++];
        if (next != kTag) {
          into[count++] = next;
          continue;
        }
        expansion_ = oldest_tag();
      }
      into[count++] = expansion_.front();
      expansion_.erase(0, 1);
    }
    return count;
  }
  void heard(std::string_view bytes) {
    written += bytes;
    for (std::size_t end = written.find('\n', read_to_); end != std::string::npos; end = written.find('\n', read_to_)) {
      const std::string_view line = std::string_view(written).substr(read_to_, end - read_to_);
      const auto blank = line.find(' ');
      if (blank != std::string_view::npos && blank > 0 && blank < 12) tags_.emplace_back(line.substr(0, blank));
      read_to_ = end + 1;
    }
  }
  [[nodiscard]] bool more() const noexcept { return at_ < words_.size() || !expansion_.empty(); }

  std::string written;       // by the client, over all connections
  std::string before_tls;    // of it, before the handshake of a connection that has to have one
  bool in_the_clear = true;  // of the connection in hand

 private:
  static constexpr char kTag = '\x01';

  std::string oldest_tag() {
    if (tags_.empty()) return "*";
    std::string tag = std::move(tags_.front());
    tags_.pop_front();
    return tag;
  }

  std::string_view words_;
  std::size_t chunk_, at_ = 0, read_to_ = 0;
  std::string expansion_;
  std::deque<std::string> tags_;
};

class TalkingStream final : public net::Stream {
 public:
  explicit TalkingStream(Server& server) : server_(server) { server_.in_the_clear = true; }

  std::size_t read_some(std::span<char> into, const net::Deadline&) override { return server_.read(into); }
  void write_all(std::string_view bytes, const net::Deadline&) override {
    if (server_.in_the_clear) server_.before_tls += bytes;
    server_.heard(bytes);
  }
  net::TryResult try_read(std::span<char> into) override {
    const std::size_t count = server_.read(into);
    return {count > 0 ? net::TryResult::State::kDone : net::TryResult::State::kWantsRead, count};
  }
  net::TryResult try_write(std::string_view) override { return {net::TryResult::State::kEnd, 0}; }
  void start_tls(const net::TlsSettings&, const std::string&, const net::Deadline&) override {
    server_.in_the_clear = false;
  }
  net::TryResult try_accept_tls(const net::ServerTls&) override { return {net::TryResult::State::kEnd, 0}; }
  std::optional<net::TlsFacts> tls() const override {
    if (server_.in_the_clear) return std::nullopt;
    return net::TlsFacts{};
  }
  bool has_pending() const override { return false; }
  int descriptor() const override { return -1; }
  std::string peer() const override { return "127.0.0.1:143"; }
  void close() noexcept override {}

 private:
  Server& server_;
};

}  // namespace mailstead::testing
