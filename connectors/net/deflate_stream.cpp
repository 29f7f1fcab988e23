#include "connectors/net/deflate_stream.h"

#include <algorithm>
#include <array>

#include "connectors/net/trace_stream.h"
#include "mail/failure.h"

namespace mailstead::net {
namespace {

using mail::Failure;
using mail::FailureKind;
using mail::FailureScope;
using State = TryResult::State;

constexpr int kRaw = -1;            // zlib: negative window bits mean no zlib header
constexpr int kPeersWindow = 15;    // whatever the peer chose fits
constexpr int kCommandWindow = 10;  // with the level below 8 KiB for the deflater
constexpr int kCommandMemoryLevel = 3;
constexpr int kMailWindow = 15;  // 256 KiB
constexpr int kMailMemoryLevel = 8;
constexpr std::size_t kReadChunk = 16 * 1024;   // a TLS record
constexpr std::size_t kWriteChunk = 16 * 1024;  // compressed at a time, so that a slow peer costs no more memory

[[noreturn]] void refuse_tls(const std::string& peer) {
  throw Failure(FailureKind::kProtocol, FailureScope::kSession, peer + ": TLS cannot begin inside of compression");
}

}  // namespace

DeflateStream::DeflateStream(std::unique_ptr<Stream> below, std::string_view received, Sends sends)
    : below_(std::move(below)), received_(received), sends_(sends) {
  if (inflateInit2(&inflater_, kRaw * kPeersWindow) != Z_OK)
    throw Failure(FailureKind::kTemporary, FailureScope::kSession, below_->peer() + ": no memory to decompress");
}

DeflateStream::~DeflateStream() {
  inflateEnd(&inflater_);
  if (deflates_) deflateEnd(&deflater_);
}

void DeflateStream::open_deflater() {
  if (deflates_) return;
  deflater_ = {};
  const bool mail = sends_ == Sends::kMail;
  deflates_ = deflateInit2(&deflater_, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kRaw * (mail ? kMailWindow : kCommandWindow),
                           mail ? kMailMemoryLevel : kCommandMemoryLevel, Z_DEFAULT_STRATEGY) == Z_OK;
  if (!deflates_)
    throw Failure(FailureKind::kTemporary, FailureScope::kSession, below_->peer() + ": no memory to compress");
}

// Every write ended on a flush: the next deflater's blocks go on where the last one's ended.
void DeflateStream::rest() noexcept {
  if (!deflates_ || promised_ > 0 || !compressed_.empty()) return;
  deflateEnd(&deflater_);
  deflates_ = false;
}

std::size_t DeflateStream::read_some(std::span<char> into, const Deadline& deadline) {
  while (true) {
    if (const std::size_t got = inflate_some(into); got > 0) return got;
    if (ended_) return 0;
    received_.resize(kReadChunk);
    used_ = kReadChunk;  // nothing to inflate, should the read fail
    const std::size_t got = below_->read_some(received_, deadline);
    received_.resize(got);
    used_ = 0;
    if (got == 0) return 0;
  }
}

TryResult DeflateStream::try_read(std::span<char> into) {
  while (true) {
    if (const std::size_t got = inflate_some(into); got > 0) return {State::kDone, got};
    if (ended_) return {State::kEnd, 0};
    std::array<char, kReadChunk> chunk;
    const TryResult result = below_->try_read(chunk);
    if (result.state != State::kDone) return result;
    received_.assign(chunk.data(), result.count);
    used_ = 0;
  }
}

// 0: more input is needed, or the stream has ended.
std::size_t DeflateStream::inflate_some(std::span<char> into) {
  if (ended_ || (used_ == received_.size() && !holds_output_)) return 0;
  inflater_.next_in = reinterpret_cast<Bytef*>(received_.data() + used_);
  inflater_.avail_in = static_cast<uInt>(received_.size() - used_);
  inflater_.next_out = reinterpret_cast<Bytef*>(into.data());
  inflater_.avail_out = static_cast<uInt>(std::min<std::size_t>(into.size(), 1U << 30U));
  const uInt room = inflater_.avail_out;
  const int code = inflate(&inflater_, Z_SYNC_FLUSH);
  if (code != Z_OK && code != Z_BUF_ERROR && code != Z_STREAM_END)
    throw Failure(FailureKind::kProtocol, FailureScope::kSession, below_->peer() + ": sent broken compressed data",
                  inflater_.msg != nullptr ? inflater_.msg : "");
  const std::size_t left = inflater_.avail_in;
  taken_ += received_.size() - used_ - left;
  used_ = received_.size() - left;
  const std::size_t got = room - inflater_.avail_out;
  made_ += got;
  ended_ = code == Z_STREAM_END;
  holds_output_ = inflater_.avail_out == 0 && !ended_;
  if (used_ == received_.size()) std::string().swap(received_), used_ = 0;
  check_growth();
  return got;
}

void DeflateStream::check_growth() const {
  if (made_ <= kBombAllowance || made_ / kMaxInflation <= taken_) return;
  throw Failure(FailureKind::kLimit, FailureScope::kSession,
                below_->peer() + ": its compressed data grows more than " + std::to_string(kMaxInflation) +
                    " times (a decompression bomb?)");
}

void DeflateStream::deflate_all(std::string_view bytes, int flush) {
  open_deflater();
  deflater_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  deflater_.avail_in = static_cast<uInt>(bytes.size());
  std::array<char, 4096> chunk;
  do {
    deflater_.next_out = reinterpret_cast<Bytef*>(chunk.data());
    deflater_.avail_out = chunk.size();
    (void)deflate(&deflater_, flush);  // fails for a misuse only
    compressed_.append(chunk.data(), chunk.size() - deflater_.avail_out);
  } while (deflater_.avail_out == 0);
}

void DeflateStream::write_all(std::string_view bytes, const Deadline& deadline) {
  while (!bytes.empty()) {
    const std::string_view part = bytes.substr(0, kWriteChunk);
    bytes.remove_prefix(part.size());
    deflate_all(part, bytes.empty() ? Z_SYNC_FLUSH : Z_NO_FLUSH);
    below_->write_all(compressed_, deadline);
    compressed_.clear();
  }
  std::string().swap(compressed_);
}

TryResult DeflateStream::try_write(std::string_view bytes) {
  if (bytes.empty()) return {};
  if (promised_ == 0) {
    promised_ = std::min(bytes.size(), kWriteChunk);
    deflate_all(bytes.substr(0, promised_), Z_SYNC_FLUSH);
  }
  while (sent_ < compressed_.size()) {
    const TryResult result = below_->try_write(std::string_view(compressed_).substr(sent_));
    if (result.state != State::kDone) return result;
    sent_ += result.count;
  }
  std::string().swap(compressed_);
  sent_ = 0;
  return {State::kDone, std::exchange(promised_, 0)};
}

void DeflateStream::start_tls(const TlsSettings& /*settings*/, const std::string& /*host*/,
                              const Deadline& /*deadline*/) {
  refuse_tls(below_->peer());
}

TryResult DeflateStream::try_accept_tls(const ServerTls& /*tls*/) {
  refuse_tls(below_->peer());
}

bool DeflateStream::has_pending() const {
  return used_ < received_.size() || holds_output_ || below_->has_pending();
}

std::unique_ptr<Stream> compressed(std::unique_ptr<Stream> stream, std::string_view received) {
  auto* trace = dynamic_cast<TraceStream*>(stream.get());
  if (trace == nullptr) return std::make_unique<DeflateStream>(std::move(stream), received);
  trace->compress(received);
  return stream;
}

}  // namespace mailstead::net
