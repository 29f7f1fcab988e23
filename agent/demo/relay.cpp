#include "agent/demo/relay.h"

#include "mail/header.h"

namespace mailstead::agent::demo {

namespace {

constexpr std::size_t kMaxLine = 4096;
constexpr std::string_view kEndOfData = "\r\n.\r\n";

class RelaySession final : public net::ServerSession {
 public:
  explicit RelaySession(std::shared_ptr<RelayCounts> counts) : counts_(std::move(counts)) {}

  net::SessionStep advance(net::InputBuffer& input, std::string& output) override {
    if (!greeted_) {
      greeted_ = true;
      output += "220 demo relay\r\n";
    }
    while (!input.bytes().empty()) {
      if (in_data_ ? !take_data(input, output) : !take_line(input, output)) break;
      if (closing_) return net::SessionStep::kClose;
    }
    return net::SessionStep::kNeedsInput;
  }

  void tls_started(const net::TlsFacts&) override {}
  void timed_out(std::string& output) override { output += "421 bye\r\n"; }
  [[nodiscard]] std::chrono::seconds idle_limit() const override { return std::chrono::seconds(60); }

 private:
  bool take_line(net::InputBuffer& input, std::string& output) {
    const auto end = input.bytes().find("\r\n");
    if (end == std::string_view::npos) {
      closing_ = input.bytes().size() > kMaxLine;
      return closing_;
    }
    const std::string verb(input.bytes().substr(0, std::min<std::size_t>(end, 4)));
    input.consume(end + 2);
    answer(verb, output);
    return true;
  }

  void answer(const std::string& verb, std::string& output) {
    if (mail::iequals(verb, "EHLO")) {
      output += "250-demo relay\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE 104857600\r\n";
    } else if (mail::iequals(verb, "DATA")) {
      output += "354 go on\r\n";
      in_data_ = true;
      tail_ = "\r\n";
    } else if (mail::iequals(verb, "QUIT")) {
      output += "221 bye\r\n";
      closing_ = true;
    } else {
      output += "250 ok\r\n";
    }
  }

  // The end mark may lie across two reads: its possible beginning is kept.
  bool take_data(net::InputBuffer& input, std::string& output) {
    const std::string bytes = tail_ + std::string(input.bytes());
    const auto end = bytes.find(kEndOfData);
    if (end == std::string::npos) {
      counts_->octets += input.bytes().size();
      tail_ = bytes.substr(bytes.size() - std::min(bytes.size(), kEndOfData.size() - 1));
      input.clear();
      return false;
    }
    const std::size_t used = end + kEndOfData.size() - tail_.size();
    counts_->octets += used;
    ++counts_->messages;
    input.consume(used);
    in_data_ = false;
    output += "250 2.0.0 taken\r\n";
    return true;
  }

  std::shared_ptr<RelayCounts> counts_;
  std::string tail_;
  bool greeted_ = false, in_data_ = false, closing_ = false;
};

}  // namespace

net::ServerSessionFactory make_relay_factory(std::shared_ptr<RelayCounts> counts) {
  return
      [counts](const net::PeerFacts&, const std::function<void()>&) { return std::make_unique<RelaySession>(counts); };
}

}  // namespace mailstead::agent::demo
