// A strict SMTP or LMTP server in memory, as a net::Stream: what the client writes is judged at once, what it is to
// read is ready at once. No socket, no thread, no time; a read with nothing to be had is a deadline that passed.
//
// It takes everything unless `answer` says otherwise, and notes each violation of RFC 5321 by the client (bare CR or
// LF, a line outside the order of commands, octets behind the final dot before its answer).
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/net/dial.h"
#include "connectors/net/stream.h"
#include "mail/failure.h"

namespace mailstead::testing {

struct TakenMessage {
  std::string sender;
  std::vector<std::string> recipients;
  std::string text;  // dots removed, CRLF line ends
  bool operator==(const TakenMessage&) const = default;
};

struct SmtpSink {
  // How it is set up.
  std::string hello = "250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE 0\r\n";
  bool lmtp = false;
  bool drops_after_write = false;  // resets the connection as soon as the body begins
  std::size_t chunk = 65536;       // octets per read of the client
  // The raw bytes to answer with instead ("" : none; "CLOSE" : hang up) when asked "greeting", a command line, or ".".
  // nullopt: as usual.
  std::function<std::optional<std::string>(const std::string& asked)> answer;

  // What it has seen.
  std::vector<TakenMessage> messages;  // answered with 2xx
  std::vector<std::string> commands;
  std::vector<std::string> violations;
  std::size_t connections = 0;
  std::size_t writes = 0;

  // Each call is a new connection; the sink must outlive its streams.
  [[nodiscard]] std::unique_ptr<net::Stream> connect();
  [[nodiscard]] auto dialer() {
    return [this](const net::Endpoint&, const net::Deadline&) { return connect(); };
  }
  [[nodiscard]] std::size_t count(std::string_view verb) const {
    return static_cast<std::size_t>(std::count_if(
        commands.begin(), commands.end(), [verb](const std::string& command) { return command.starts_with(verb); }));
  }
};

class SmtpSinkStream final : public net::Stream {
 public:
  explicit SmtpSinkStream(SmtpSink& sink) : sink_(sink) { say("greeting", "220 sink ready\r\n"); }

  std::size_t read_some(std::span<char> into, const net::Deadline& deadline) override {
    if (deadline.stop.stop_requested()) fail(mail::FailureKind::kCancelled, "stopped");
    if (out_.empty() && closed_) return 0;
    if (out_.empty()) fail(mail::FailureKind::kTemporary, "no answer in time");
    auto count = std::min({into.size(), out_.size(), sink_.chunk});
    std::copy_n(out_.begin(), count, into.begin());
    out_.erase(0, count);
    return count;
  }
  void write_all(std::string_view bytes, const net::Deadline& deadline) override {
    if (deadline.stop.stop_requested()) fail(mail::FailureKind::kCancelled, "stopped");
    if (closed_) fail(mail::FailureKind::kTemporary, "connection reset");
    ++sink_.writes;
    in_ += bytes;
    while (!closed_ && (in_data_ ? hear_body() : hear_command())) continue;
  }
  net::TryResult try_read(std::span<char>) override { return {net::TryResult::State::kEnd, 0}; }
  net::TryResult try_write(std::string_view) override { return {net::TryResult::State::kEnd, 0}; }
  void start_tls(const net::TlsSettings&, const std::string&, const net::Deadline&) override { tls_ = true; }
  net::TryResult try_accept_tls(const net::ServerTls&) override { return {net::TryResult::State::kEnd, 0}; }
  std::optional<net::TlsFacts> tls() const override {
    if (!tls_) return std::nullopt;
    net::TlsFacts facts;
    facts.version = "TLSv1.3";
    facts.cipher = "TEST";
    facts.days_left = 1;
    return facts;
  }
  bool has_pending() const override { return !out_.empty(); }
  int descriptor() const override { return -1; }
  std::string peer() const override { return "192.0.2.1:25"; }
  void close() noexcept override { closed_ = true; }

 private:
  [[noreturn]] static void fail(mail::FailureKind kind, const char* text) {
    throw mail::Failure(kind, mail::FailureScope::kSession, text);
  }

  // Answers; the code that the client gets to see decides what follows.
  int say(const std::string& asked, std::string usual) {
    if (sink_.answer) {
      if (auto other = sink_.answer(asked)) usual = *other;
    }
    if (usual.ends_with("CLOSE")) {
      closed_ = true;
      usual.resize(usual.size() - 5);
    }
    out_ += usual;
    return usual.size() >= 3 ? std::atoi(usual.substr(0, 3).c_str()) : 0;
  }
  void violation(const std::string& what) { sink_.violations.push_back(what); }

  bool hear_command() {
    auto end = in_.find('\n');
    if (end == std::string::npos) return false;
    auto line = in_.substr(0, end);
    in_.erase(0, end + 1);
    if (!line.ends_with('\r')) violation("command without CRLF: " + line);
    if (line.ends_with('\r')) line.pop_back();
    if (line.find('\r') != std::string::npos) violation("bare CR in a command: " + line);
    sink_.commands.push_back(line);
    obey(line);
    return true;
  }

  void obey(const std::string& line) {
    auto verb = line.substr(0, 4);
    if (verb == (sink_.lmtp ? "LHLO" : "EHLO")) {
      say(line, sink_.hello);
    } else if (verb == "HELO") {
      say(line, "250 sink\r\n");
    } else if (verb == "MAIL") {
      if (has_mail_) violation("MAIL within a transaction");
      has_mail_ = say(line, "250 2.1.0 ok\r\n") / 100 == 2;
      current_ = {path_of(line), {}, {}};
    } else if (verb == "RCPT") {
      if (say(line, has_mail_ ? "250 2.1.5 ok\r\n" : "503 5.5.1 MAIL first\r\n") / 100 == 2) {
        current_.recipients.push_back(path_of(line));
      }
    } else if (verb == "DATA") {
      bool ready = has_mail_ && !current_.recipients.empty();
      in_data_ = say(line, ready ? "354 go ahead\r\n" : "503 5.5.1 no valid recipients\r\n") / 100 == 3;
      if (in_data_ && sink_.drops_after_write) closed_ = true;
    } else if (verb == "RSET") {
      has_mail_ = false;
      say(line, "250 2.0.0 ok\r\n");
    } else if (verb == "QUIT") {
      say(line, "221 2.0.0 bye\r\nCLOSE");
    } else {
      say(line, "500 5.5.2 what?\r\n");
    }
  }

  static std::string path_of(const std::string& line) {
    auto begin = line.find('<'), end = line.find('>');
    return begin == std::string::npos || end == std::string::npos ? "?" : line.substr(begin + 1, end - begin - 1);
  }

  bool hear_body() {
    auto end = in_.find("\r\n");
    if (end == std::string::npos) return false;
    auto line = in_.substr(0, end);
    in_.erase(0, end + 2);
    if (line.find_first_of("\r\n") != std::string::npos) violation("bare CR or LF in the body");
    if (line == ".") {
      end_body();
      return true;
    }
    if (line.starts_with('.')) line.erase(0, 1);
    current_.text += line + "\r\n";
    return true;
  }

  void end_body() {
    in_data_ = has_mail_ = false;
    if (!in_.empty()) violation("octets behind the final dot");
    std::size_t answers = sink_.lmtp ? current_.recipients.size() : 1;
    bool taken = false;
    for (std::size_t i = 0; i < answers; ++i) taken = say(".", "250 2.0.0 taken\r\n") / 100 == 2 || taken;
    if (taken && !current_.recipients.empty()) sink_.messages.push_back(current_);
  }

  SmtpSink& sink_;
  std::string in_, out_;
  TakenMessage current_;
  bool has_mail_ = false, in_data_ = false, closed_ = false, tls_ = false;
};

inline std::unique_ptr<net::Stream> SmtpSink::connect() {
  ++connections;
  return std::make_unique<SmtpSinkStream>(*this);
}

}  // namespace mailstead::testing
