#include <algorithm>
#include <array>
#include <stdexcept>

#include "tests/support/scripted_peer.h"

namespace mailstead::testing {
namespace {

using Kind = TranscriptItem::Kind;
using Feeding = TranscriptRunner::Feeding;
using net::SessionStep;

constexpr int kMaxSteps = 1'000'000;

// The session under test, and what it has said.
class Played {
 public:
  Played(net::ServerSession& session, Feeding feeding) : session_(session), feeding_(feeding) { go_on(); }

  void feed(std::string_view octets) {
    if (feeding_ != Feeding::kByteByByte) return feed_piece(octets);
    for (std::size_t i = 0; i < octets.size(); ++i) feed_piece(octets.substr(i, 1));
  }

  void wake() { go_on(); }

  void start_tls() {
    if (!wants_tls_) throw std::runtime_error("the session did not ask for TLS");
    if (!input_.bytes().empty()) throw std::runtime_error("input left before TLS: " + shown(input_.bytes()));
    wants_tls_ = false;
    net::TlsFacts facts;
    facts.version = "TLSv1.3";
    facts.cipher = "TLS_AES_256_GCM_SHA384";
    session_.tls_started(facts);
    go_on();
  }

  void time_out() {
    session_.timed_out(output_);
    closed_ = true;
  }

  [[nodiscard]] bool closed() const { return closed_; }
  [[nodiscard]] const std::string& output() const { return output_; }

  std::string take_line() {
    const auto end = output_.find("\r\n");
    if (end == std::string::npos) throw std::runtime_error("got only S: " + shown(output_));
    std::string line = output_.substr(0, end);
    output_.erase(0, end + 2);
    return line;
  }

  void take_octets(std::size_t count) {
    if (output_.size() < count) throw std::runtime_error("got only " + std::to_string(output_.size()) + " octets");
    output_.erase(0, count);
  }

 private:
  void feed_piece(std::string_view octets) {
    if (closed_) throw std::runtime_error("the session has closed already");
    if (wants_tls_) throw std::runtime_error("the session waits for TLS");
    input_.append(octets);
    go_on();
  }

  void go_on() {
    for (int steps = 0; steps < kMaxSteps; ++steps) {
      switch (session_.advance(input_, output_)) {
        case SessionStep::kPause:  // no session of a transcript has failed sign-ins to wait for
        case SessionStep::kNeedsInput: return;
        case SessionStep::kMore:
        case SessionStep::kCompress: break;  // between the session and the transcript all is clear text
        case SessionStep::kStartTls: wants_tls_ = true; return;
        case SessionStep::kClose: closed_ = true; return;
      }
    }
    throw std::runtime_error("the session never comes to an end with kMore");
  }

  net::ServerSession& session_;
  const Feeding feeding_;
  net::InputBuffer input_;
  std::string output_;
  bool wants_tls_ = false;
  bool closed_ = false;
};

bool is_input(const TranscriptItem& item) {
  return item.side == 'C';
}

void expect_silence(const Played& played) {
  if (!played.output().empty()) throw std::runtime_error("unexpected S: " + shown(played.output()));
}

void judge_output(Played& played, const TranscriptItem& item) {
  if (item.kind == Kind::kOctets) return played.take_octets(item.count);
  const std::string& wanted = item.kind == Kind::kLine ? item.text : item.glob;
  std::string line;
  try {
    line = played.take_line();
  } catch (const std::exception& error) {
    throw std::runtime_error("expected S: " + shown(wanted) + "   " + error.what());
  }
  if (!fits(item, line)) throw std::runtime_error("expected S: " + shown(wanted) + "   got S: " + shown(line));
}

std::string input_of(const TranscriptItem& item) {
  if (item.kind == Kind::kOctets) {
    std::string text;
    while (text.size() < item.count) text += std::string(70, 'x') + "\r\n";
    text.resize(item.count);
    return text;
  }
  if (item.kind == Kind::kGlob) throw std::runtime_error("C*: is for ScriptedPeer");
  return item.kind == Kind::kLine ? item.text + "\r\n" : item.text;
}

void play_word(Played& played, const TranscriptItem& item, const std::function<void()>& on_wake) {
  switch (item.kind) {
    case Kind::kTls: expect_silence(played), played.start_tls(); break;
    case Kind::kClose:
      expect_silence(played);
      if (!played.closed()) throw std::runtime_error("the session did not close");
      break;
    case Kind::kWake:
      expect_silence(played);
      if (on_wake) on_wake();
      played.wake();
      break;
    case Kind::kTimeout: expect_silence(played), played.time_out(); break;
    default: throw std::runtime_error("is for ScriptedPeer");
  }
}

}  // namespace

std::string TranscriptRunner::run_server(net::ServerSession& session, std::string_view transcript, Feeding feeding,
                                         const std::function<void()>& on_wake) {
  const auto items = parse_transcript(transcript);
  int line = 0;
  try {
    Played played(session, feeding);
    for (std::size_t i = 0; i < items.size(); ++i) {
      line = items[i].line;
      if (items[i].side == 'S') {
        judge_output(played, items[i]);
      } else if (is_input(items[i])) {
        expect_silence(played);
        std::string input = input_of(items[i]);
        while (feeding != Feeding::kLineByLine && i + 1 < items.size() && is_input(items[i + 1]))
          input += input_of(items[++i]);
        played.feed(input);
      } else {
        play_word(played, items[i], on_wake);
      }
    }
    expect_silence(played);
  } catch (const std::exception& error) {
    return "line " + std::to_string(line) + ": " + error.what();
  }
  return {};
}

std::string TranscriptRunner::run_server_every_way(const std::function<std::unique_ptr<net::ServerSession>()>& make,
                                                   std::string_view transcript, const std::function<void()>& on_wake) {
  const std::array<std::pair<Feeding, const char*>, 3> ways{
      {{Feeding::kWhole, "whole"}, {Feeding::kLineByLine, "line by line"}, {Feeding::kByteByByte, "byte by byte"}}};
  for (const auto& [feeding, name] : ways) {
    const auto session = make();
    const std::string found = run_server(*session, transcript, feeding, on_wake);
    if (!found.empty()) return std::string(name) + ": " + found;
  }
  return {};
}

}  // namespace mailstead::testing
