#include "tests/support/scripted_peer.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <future>
#include <stdexcept>
#include <utility>

#include "mail/failure.h"

namespace mailstead::testing {
namespace {

using Kind = TranscriptItem::Kind;
using net::TryResult;

constexpr std::size_t kMaxHeard = 64 * 1024 * 1024;

struct Mismatch : std::runtime_error {
  using std::runtime_error::runtime_error;
};

[[noreturn]] void mismatch(const TranscriptItem& item, const std::string& what) {
  throw Mismatch("line " + std::to_string(item.line) + ": " + what);
}

std::string filler(std::size_t count) {
  std::string text;
  text.reserve(count + 80);
  while (text.size() < count) text += std::string(70, 'x') + "\r\n";
  text.resize(count);
  return text;
}

int listen_on_loopback(std::uint16_t& port) {
  const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  if (descriptor < 0 || ::bind(descriptor, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      ::listen(descriptor, 16) != 0 || ::getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size) != 0)
    throw std::runtime_error(std::string("scripted peer: ") + std::strerror(errno));
  port = ntohs(address.sin_port);
  return descriptor;
}

}  // namespace

struct ScriptedPeer::State {
  std::vector<TranscriptItem> items;
  PeerOptions options;
  int listening = -1;
  std::uint16_t port = 0;
  std::unique_ptr<net::ServerTls> tls;
  std::unique_ptr<net::Stream> stream;
  std::string heard;
  std::promise<std::string> result;
  std::future<std::string> outcome = result.get_future();
  bool finished = false;
  std::string verdict;
  std::jthread thread;

  ~State() {
    thread = {};
    if (listening >= 0) ::close(listening);
  }

  void run(const std::stop_token& stop);
  void play(const std::stop_token& stop);
  void accept(const TranscriptItem& item, const std::stop_token& stop);
  void send(std::string_view octets, const TranscriptItem& item, const std::stop_token& stop);
  void hear(const TranscriptItem& item, const std::stop_token& stop);
  std::string hear_line(const TranscriptItem& item, const std::stop_token& stop);
  void handshake(const TranscriptItem& item, const std::stop_token& stop);
  void expect_end(const TranscriptItem& item, const std::stop_token& stop);
  void stall(const std::stop_token& stop);
  void reset();
  void close(const TranscriptItem& item);
  [[nodiscard]] net::Deadline patience(const std::stop_token& stop) const {
    return net::Deadline::in(options.patience, stop);
  }
};

void ScriptedPeer::State::run(const std::stop_token& stop) {
  std::string text;
  try {
    play(stop);
  } catch (const std::exception& error) {
    text = error.what();
  }
  stream.reset();
  result.set_value(text);
}

void ScriptedPeer::State::play(const std::stop_token& stop) {
  std::string pending;
  for (std::size_t i = 0; i < items.size(); ++i) {
    const TranscriptItem& item = items[i];
    if (!stream && item.kind != Kind::kNext) accept(item, stop);
    if (item.side == 'S') {
      if (item.kind == Kind::kGlob) mismatch(item, "S*: is for TranscriptRunner");
      pending += item.kind == Kind::kOctets ? filler(item.count) : item.text;
      if (item.kind == Kind::kLine) pending += "\r\n";
      const bool more = i + 1 < items.size() && items[i + 1].side == 'S';
      if (!more) send(std::exchange(pending, {}), item, stop);
      continue;
    }
    switch (item.kind) {
      case Kind::kLine:
      case Kind::kFragment:
      case Kind::kGlob: {
        const std::string line = hear_line(item, stop);
        if (!fits(item, line))
          mismatch(item, "expected C: " + shown(item.kind == Kind::kLine ? item.text : item.glob) +
                             "   got C: " + shown(line));
        break;
      }
      case Kind::kOctets:
        while (heard.size() < item.count) hear(item, stop);
        heard.erase(0, item.count);
        break;
      case Kind::kTls: handshake(item, stop); break;
      case Kind::kClose:
      case Kind::kNext: close(item); break;
      case Kind::kReset: reset(); break;
      case Kind::kStall: stall(stop); break;
      case Kind::kEof: expect_end(item, stop); break;
      case Kind::kWake:
      case Kind::kTimeout: mismatch(item, "is for TranscriptRunner");
    }
  }
  if (!heard.empty()) throw Mismatch("after the end: the client sent more: " + shown(heard));
  std::array<char, 4096> more;
  if (!stream) return;
  const TryResult result_now = stream->try_read(more);
  if (result_now.state == TryResult::State::kDone && result_now.count > 0)
    throw Mismatch("after the end: the client sent more: " + shown({more.data(), result_now.count}));
}

void ScriptedPeer::State::accept(const TranscriptItem& item, const std::stop_token& stop) {
  const auto deadline = patience(stop);
  for (;;) {
    const int accepted = ::accept4(listening, nullptr, nullptr, SOCK_CLOEXEC);
    if (accepted >= 0) {
      stream = net::adopt_descriptor(accepted);
      heard.clear();
      if (options.implicit_tls) handshake(item, stop);
      return;
    }
    if (stop.stop_requested()) throw Mismatch("ended early");
    if (std::chrono::steady_clock::now() > deadline.at) mismatch(item, "nobody connected");
    // The listening socket has a receive timeout, so that this loop sees the stop token.
  }
}

void ScriptedPeer::State::send(std::string_view octets, const TranscriptItem& item, const std::stop_token& stop) {
  const std::size_t chunk = options.chunk > 0 ? options.chunk : octets.size();
  while (!octets.empty()) {
    const std::string_view piece = octets.substr(0, chunk);
    try {
      stream->write_all(piece, patience(stop));
    } catch (const mail::Failure& failure) {
      mismatch(item, "cannot send: " + failure.text());
    }
    octets.remove_prefix(piece.size());
  }
}

void ScriptedPeer::State::hear(const TranscriptItem& item, const std::stop_token& stop) {
  std::array<char, 16384> chunk;
  std::size_t got = 0;
  try {
    got = stream->read_some(chunk, patience(stop));
  } catch (const mail::Failure& failure) {
    mismatch(item, "expected C: " + shown(item.text + item.glob) + "   got: " + failure.text() +
                       (heard.empty() ? "" : " after " + shown(heard)));
  }
  if (got == 0)
    mismatch(item, "expected C: " + shown(item.text + item.glob) + "   but the client closed" +
                       (heard.empty() ? "" : " after " + shown(heard)));
  heard.append(chunk.data(), got);
  if (heard.size() > kMaxHeard) mismatch(item, "the client sends without end");
}

std::string ScriptedPeer::State::hear_line(const TranscriptItem& item, const std::stop_token& stop) {
  std::size_t searched = 0;
  for (;;) {
    const auto end = heard.find('\n', searched);
    if (end != std::string::npos) {
      std::string line = heard.substr(0, end);
      heard.erase(0, end + 1);
      if (!line.ends_with('\r')) mismatch(item, "a line without CR: " + shown(line));
      line.pop_back();
      return line;
    }
    searched = heard.size();
    hear(item, stop);
  }
}

void ScriptedPeer::State::handshake(const TranscriptItem& item, const std::stop_token& stop) {
  if (!heard.empty()) mismatch(item, "the client sent in the clear before TLS: " + shown(heard));
  const auto deadline = patience(stop);
  try {
    for (;;) {
      const TryResult step = stream->try_accept_tls(*tls);
      if (step.state == TryResult::State::kDone) return;
      if (std::chrono::steady_clock::now() > deadline.at || stop.stop_requested())
        mismatch(item, "no TLS handshake from the client");
      pollfd waited{stream->descriptor(),
                    static_cast<short>(step.state == TryResult::State::kWantsWrite ? POLLOUT : POLLIN), 0};
      ::poll(&waited, 1, 100);
    }
  } catch (const mail::Failure& failure) {
    mismatch(item, failure.text());
  }
}

void ScriptedPeer::State::expect_end(const TranscriptItem& item, const std::stop_token& stop) {
  std::array<char, 4096> chunk;
  if (!heard.empty()) mismatch(item, "expected the end, got C: " + shown(heard));
  std::size_t got = 0;
  try {
    got = stream->read_some(chunk, patience(stop));
  } catch (const mail::Failure& failure) {
    // A reset is an end, too: the client did not care for what was still on its way.
    if (failure.text().find("in time") != std::string::npos) mismatch(item, "the client did not close");
    return;
  }
  if (got > 0) mismatch(item, "expected the end, got C: " + shown({chunk.data(), got}));
}

void ScriptedPeer::State::stall(const std::stop_token& stop) {
  std::array<char, 4096> chunk;
  heard.clear();
  try {
    while (stream->read_some(chunk, net::Deadline::in(options.patience * 3, stop)) > 0) continue;
  } catch (const mail::Failure& failure) {
    if (failure.text().find("in time") != std::string::npos) throw Mismatch("STALL: the client never gave up");
  }
  stream.reset();
}

void ScriptedPeer::State::reset() {
  const linger now{1, 0};
  ::setsockopt(stream->descriptor(), SOL_SOCKET, SO_LINGER, &now, sizeof(now));
  stream.reset();
  heard.clear();
}

void ScriptedPeer::State::close(const TranscriptItem& item) {
  if (!heard.empty()) mismatch(item, "the client sent more: " + shown(heard));
  stream.reset();
}

ScriptedPeer::ScriptedPeer(std::string_view transcript, PeerOptions options) : state_(std::make_shared<State>()) {
  state_->items = parse_transcript(transcript);
  state_->options = options;
  const auto& files = TestCertificates::shared().leaf(options.certificate);
  state_->tls = std::make_unique<net::ServerTls>(files.certificate, files.key);
  state_->listening = listen_on_loopback(state_->port);
  const timeval slice{0, 100'000};
  ::setsockopt(state_->listening, SOL_SOCKET, SO_RCVTIMEO, &slice, sizeof(slice));
  state_->thread = std::jthread([state = state_.get()](const std::stop_token& stop) { state->run(stop); });
}

ScriptedPeer::~ScriptedPeer() = default;

std::unique_ptr<net::Stream> ScriptedPeer::connect() {
  net::Endpoint plain = endpoint();
  plain.tls = net::TlsMode::kNone;
  return net::dial(plain, net::Deadline::in(std::chrono::seconds(10)));
}

net::Endpoint ScriptedPeer::endpoint() const {
  net::Endpoint endpoint;
  // By name: what is verified must be what a user would write.
  endpoint.host = "localhost";
  endpoint.port = state_->port;
  endpoint.tls = state_->options.implicit_tls ? net::TlsMode::kImplicit : net::TlsMode::kNone;
  endpoint.tls_settings = tls_settings();
  return endpoint;
}

net::TlsSettings ScriptedPeer::tls_settings() const {
  net::TlsSettings settings;
  settings.ca_file = TestCertificates::shared().ca_file();
  return settings;
}

std::uint16_t ScriptedPeer::port() const {
  return state_->port;
}

std::string ScriptedPeer::finish() {
  if (!state_->finished) {
    state_->verdict = state_->outcome.get();
    state_->finished = true;
  }
  return state_->verdict;
}

}  // namespace mailstead::testing
