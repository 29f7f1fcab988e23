// A connection through a program: its standard input and output are the stream, its last words on standard error say
// why when it fails. It ends with the stream. Internal to connectors/net.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "connectors/descriptor.h"
#include "connectors/net/endpoint.h"
#include "connectors/net/socket_stream.h"
#include "connectors/process/child.h"

namespace mailstead::net {

inline constexpr std::size_t kMaxTunnelWords = 512;  // of its standard error, the last, in a failure's text

// Fills in %h, %p and %%.
[[nodiscard]] std::string tunnel_argument(const std::string& argument, const Endpoint& endpoint);

class TunnelStream final : public SocketStream {
 public:
  // Throws Failure(kConfiguration, kAccount) when the program cannot be started.
  [[nodiscard]] static std::unique_ptr<TunnelStream> start(const Endpoint& endpoint);
  ~TunnelStream() override;

  [[nodiscard]] std::size_t read_some(std::span<char> into, const Deadline& deadline) override;
  void close() noexcept override;

 protected:
  void wait_for(const TryResult& result, const Deadline& deadline) override;
  [[noreturn]] void fail(int error) override;

 private:
  TunnelStream(std::string name, int descriptor, connectors::Descriptor errors, std::unique_ptr<process::Child> child);
  void listen();
  [[nodiscard]] std::string last_words() const;
  // Throws unless it ended in order after it had spoken.
  void judge_end();

  connectors::Descriptor errors_;
  std::string said_;  // on standard error; the end of it
  bool spoke_ = false;
  std::unique_ptr<process::Child> child_;
};

}  // namespace mailstead::net
