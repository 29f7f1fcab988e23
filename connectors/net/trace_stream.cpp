#include "connectors/net/trace_stream.h"

#include <array>
#include <cstdio>

#include "connectors/net/deflate_stream.h"
#include "mail/failure.h"

namespace mailstead::net {
namespace {

using Clock = std::chrono::steady_clock;

TraceFilter::Sink stamped(const std::string& name, TraceSink sink) {
  return [name, sink = std::move(sink), begun = Clock::now()](const std::string& line) {
    std::array<char, 32> seconds{};
    std::snprintf(seconds.data(), seconds.size(), " %.3f ",
                  std::chrono::duration<double>(Clock::now() - begun).count());
    sink(name + seconds.data() + line);
  };
}

std::string tls_words(const TlsFacts& facts) {
  std::string words = facts.version + ", " + facts.cipher + ", certificate of " + facts.peer_subject;
  if (!facts.alpn.empty()) words += ", ALPN " + facts.alpn;
  if (facts.resumed) words += ", resumed";
  return words;
}

}  // namespace

TraceStream::TraceStream(std::unique_ptr<Stream> below, const std::string& name, TraceSink sink)
    : below_(std::move(below)), filter_(stamped(name, std::move(sink))) {
  filter_.note("connected to " + below_->peer());
  note_tls();
}

TraceStream::~TraceStream() {
  end("connection ended");
}

void TraceStream::note_tls() {
  if (const auto facts = below_->tls()) filter_.note(tls_words(*facts));
}

std::size_t TraceStream::read_some(std::span<char> into, const Deadline& deadline) {
  try {
    const std::size_t got = below_->read_some(into, deadline);
    filter_.received({into.data(), got});
    if (got == 0) end("the server closed the connection");
    return got;
  } catch (const mail::Failure& failure) {
    filter_.note(failure.text());
    throw;
  }
}

void TraceStream::write_all(std::string_view bytes, const Deadline& deadline) {
  filter_.sent(bytes);
  try {
    below_->write_all(bytes, deadline);
  } catch (const mail::Failure& failure) {
    filter_.note(failure.text());
    throw;
  }
}

TryResult TraceStream::try_read(std::span<char> into) {
  const TryResult result = below_->try_read(into);
  if (result.state == TryResult::State::kDone) filter_.received({into.data(), result.count});
  return result;
}

TryResult TraceStream::try_write(std::string_view bytes) {
  const TryResult result = below_->try_write(bytes);
  if (result.state == TryResult::State::kDone) filter_.sent(bytes.substr(0, result.count));
  return result;
}

void TraceStream::start_tls(const TlsSettings& settings, const std::string& host, const Deadline& deadline) {
  try {
    below_->start_tls(settings, host, deadline);
  } catch (const mail::Failure& failure) {
    filter_.note(failure.text());
    throw;
  }
  note_tls();
}

void TraceStream::compress(std::string_view received) {
  filter_.drop_received();
  below_ = std::make_unique<DeflateStream>(std::move(below_), received);
  filter_.note("compressed from here on");
}

void TraceStream::end(const std::string& how) noexcept {
  if (!std::exchange(open_, false)) return;
  try {
    filter_.note(how);
  } catch (...) {
    // A trace that cannot be written is no reason to fail.
  }
}

void TraceStream::close() noexcept {
  end("connection closed");
  below_->close();
}

std::unique_ptr<Stream> dial_traced(const TracedDialer& dialer, const Endpoint& endpoint, const Deadline& deadline,
                                    const std::string& name, const TraceSink& sink) {
  try {
    return std::make_unique<TraceStream>(dialer(endpoint, deadline), name, sink);
  } catch (const mail::Failure& failure) {
    sink(name + " 0.000 *: " + failure.text());
    throw;
  }
}

}  // namespace mailstead::net
