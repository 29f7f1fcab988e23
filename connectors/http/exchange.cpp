#include "connectors/http/exchange.h"

#include <algorithm>
#include <charconv>

#include "mail/ascii.h"
#include "mail/escape.h"
#include "mail/failure.h"

namespace mailstead::http {
namespace {

using mail::Failure;
using mail::FailureKind;
using mail::FailureScope;

constexpr std::size_t kChunk = 64 * 1024;
constexpr std::size_t kMaxLine = 16 * 1024;
constexpr std::chrono::seconds kEarlyAnswerWait{5};

[[noreturn]] void violate(const net::Stream& stream, const std::string& what) {
  throw Failure(FailureKind::kProtocol, FailureScope::kSession, stream.peer() + ": " + what);
}

std::string head_of(const Request& request) {
  std::string head = request.method + " " + request.target + " HTTP/1.1\r\nHost: " + request.authority +
                     "\r\nContent-Length: " + std::to_string(request.size) + "\r\n";
  for (const auto& [name, value] : request.fields) head += name + ": " + value + "\r\n";
  return head + "\r\n";
}

// Collects what is sent into large writes and holds the last octet back until all the others are out.
class Writer {
 public:
  Writer(net::Stream& stream, std::chrono::milliseconds idle_wait, const net::Deadline& deadline)
      : stream_(stream), idle_wait_(idle_wait), deadline_(deadline) {}

  void add(std::string_view bytes) {
    while (!bytes.empty()) {
      const std::size_t part = std::min(bytes.size(), kChunk - pending_.size());
      pending_.append(bytes.substr(0, part));
      bytes.remove_prefix(part);
      if (pending_.size() == kChunk) flush(1);
    }
  }
  void flush(std::size_t held_back) {
    if (pending_.size() <= held_back) return;
    const std::size_t count = pending_.size() - held_back;
    stream_.write_all(std::string_view(pending_).substr(0, count), deadline_.capped(idle_wait_));
    pending_.erase(0, count);
  }

 private:
  net::Stream& stream_;
  std::chrono::milliseconds idle_wait_;
  const net::Deadline& deadline_;
  std::string pending_;
};

class Answer {
 public:
  Answer(const net::Stream& stream, net::BufferedReader& reader, std::size_t kept, std::chrono::milliseconds idle_wait,
         const net::Deadline& deadline)
      : stream_(stream), reader_(reader), kept_(kept), idle_wait_(idle_wait), deadline_(deadline) {}

  Response read() {
    for (std::size_t interim = 0; interim <= kMaxInterim; ++interim) {
      read_head();
      if (response_.status < 100 || response_.status > 999) violate(stream_, "its status is none");
      if (response_.status >= 200) return finish();
      if (response_.status == 101) violate(stream_, "it changes to a protocol that nobody asked for");
    }
    violate(stream_, "it answers for the time being on and on");
  }

 private:
  // The status decides; what is wrong with the content is of no interest.
  Response finish() {
    try {
      read_content();
    } catch (const Failure&) {
      response_.keeps_connection = false;
    }
    return std::move(response_);
  }

  std::string_view line() {
    const auto text = reader_.read_line(kMaxLine, deadline_.capped(idle_wait_));
    octets_ += text.size();
    if (octets_ > kMaxHead) violate(stream_, "the fields of its answer do not end");
    return text;
  }

  // "HTTP/1.1 200 OK"
  void read_head() {
    response_ = {};
    octets_ = 0;
    const std::string first(line());
    const bool fits = first.starts_with("HTTP/1.") && first.size() >= 12 && first[8] == ' ' &&
                      std::all_of(first.begin() + 9, first.begin() + 12, mail::is_digit) &&
                      (first.size() == 12 || first[12] == ' ');
    if (!fits) violate(stream_, "it does not answer as an HTTP server: " + mail::printable(first, 80));
    std::from_chars(first.data() + 9, first.data() + 12, response_.status);
    if (first.size() > 13) response_.reason = first.substr(13);
    response_.keeps_connection = first[7] != '0';
    for (std::string_view next = line(); !next.empty(); next = line()) add_field(next);
    const std::string connection = mail::lowered(response_.field("connection"));
    if (connection.find("close") != std::string::npos) response_.keeps_connection = false;
  }

  void add_field(std::string_view text) {
    const auto colon = text.find(':');
    // A continuation (obsolete) or a line without a name is read over.
    if (colon == std::string_view::npos || colon == 0 || mail::is_blank(text.front())) return;
    std::string_view value = text.substr(colon + 1);
    while (!value.empty() && mail::is_blank(value.front())) value.remove_prefix(1);
    while (!value.empty() && mail::is_blank(value.back())) value.remove_suffix(1);
    response_.fields.emplace_back(mail::lowered(text.substr(0, colon)), std::string(value));
  }

  // RFC 9112 §6.3. What cannot be framed ends the connection; of what is long the rest is not waited for.
  void read_content() {
    if (response_.status == 204 || response_.status == 304) return;
    const std::string encoding = mail::lowered(response_.field("transfer-encoding"));
    if (!encoding.empty()) {
      if (encoding == "chunked") return read_chunks();
      response_.keeps_connection = false;
      return;
    }
    const std::string length = response_.field("content-length");
    if (length.empty()) {
      response_.keeps_connection = false;
      return read_until_end();
    }
    mail::ByteCount size = 0;
    if (!read_number(length, 10, size) || size > most()) {
      response_.keeps_connection = false;
      if (size == 0) return;
      size = std::min<mail::ByteCount>(size, kept_);
    }
    take(size);
  }

  static bool read_number(std::string_view digits, int base, mail::ByteCount& number) {
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number, base);
    return !digits.empty() && error == std::errc() && end == digits.data() + digits.size();
  }

  [[nodiscard]] std::size_t most() const { return std::max(kReadOver, kept_); }
  void take(mail::ByteCount size) {
    reader_.read_exactly(size, idle_wait_, deadline_, [this](std::string_view bytes) { keep(bytes); });
  }
  void keep(std::string_view bytes) {
    response_.content.append(bytes.substr(0, kept_ - std::min(kept_, response_.content.size())));
  }

  void read_chunks() {
    mail::ByteCount total = 0;
    for (;;) {
      const std::string first(line());
      mail::ByteCount size = 0;
      if (!read_number(std::string_view(first).substr(0, first.find_first_of("; \t")), 16, size))
        violate(stream_, "a chunk of its answer has no size");
      if (size == 0) break;
      total += size;
      if (total > most()) {
        response_.keeps_connection = false;
        return;
      }
      take(size);
      if (!line().empty()) violate(stream_, "a chunk of its answer is longer than it said");
    }
    while (!line().empty()) {  // trailers
    }
  }

  void read_until_end() {
    while (response_.content.size() < kept_) {
      try {
        if (reader_.buffered().empty()) reader_.fill(deadline_.capped(idle_wait_));
      } catch (const Failure& failure) {
        if (failure.kind() == FailureKind::kCancelled) throw;
        return;
      }
      const auto bytes = reader_.buffered();
      keep(bytes);
      reader_.consume(bytes.size());
    }
  }

  const net::Stream& stream_;
  net::BufferedReader& reader_;
  std::size_t kept_;
  std::chrono::milliseconds idle_wait_;
  const net::Deadline& deadline_;
  Response response_;
  std::size_t octets_ = 0;
};

}  // namespace

std::string Response::field(std::string_view lowered_name) const {
  for (const auto& [name, value] : fields)
    if (name == lowered_name) return value;
  return {};
}

Response exchange(net::Stream& stream, net::BufferedReader& reader, const Request& request,
                  std::chrono::milliseconds idle_wait, const net::Deadline& deadline) {
  Writer writer(stream, idle_wait, deadline);
  bool whole = false;
  try {
    writer.add(head_of(request));
    if (request.content) request.content([&](std::string_view bytes) { writer.add(bytes); });
    writer.flush(1);
    if (request.before_end) request.before_end();
    whole = true;
    writer.flush(0);
  } catch (const Failure& failure) {
    if (failure.scope() != FailureScope::kSession || failure.kind() != FailureKind::kTemporary) throw;
    // It may have said why before it closed.
    try {
      Response early = Answer(stream, reader, request.kept, kEarlyAnswerWait, deadline).read();
      early.keeps_connection = false;
      if (early.status >= 300) return early;
    } catch (const Failure&) {  // NOLINT(bugprone-empty-catch): the failure to send is what is told
    }
    if (whole) throw AnswerLost(failure);
    throw;
  }
  try {
    return Answer(stream, reader, request.kept, idle_wait, deadline).read();
  } catch (const Failure& failure) {
    throw AnswerLost(failure);
  }
}

}  // namespace mailstead::http
