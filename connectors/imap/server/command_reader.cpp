#include "connectors/imap/server/command_reader.h"

#include <algorithm>

#include "connectors/imap/codec/syntax.h"
#include "mail/secret.h"

namespace mailstead::imap {
namespace {

constexpr mail::ByteCount kLargestLiteral = INT64_MAX;

// The text between the braces of a line that ends in "{…}", if its first character is a digit.
std::string_view announced_literal(std::string_view line) {
  if (!line.ends_with('}')) return {};
  std::size_t open = line.rfind('{');
  if (open == std::string_view::npos) return {};
  std::string_view inside = line.substr(open + 1, line.size() - open - 2);
  return !inside.empty() && inside.front() >= '0' && inside.front() <= '9' ? inside : std::string_view();
}

}  // namespace

CommandReader::Event CommandReader::next(net::InputBuffer& input) {
  Event event = Event::kNeedsInput;
  while (true) {
    switch (state_) {
      case State::kDecision: return Event::kLiteral;
      case State::kKeeping:
      case State::kStreaming:
        take_octets(input);
        if (remaining_ > 0) return Event::kNeedsInput;
        state_ = State::kText;
        sink_ = nullptr;
        line_begin_ = text_.size();
        break;
      case State::kLine:
        if (!take_line(input, expected_limit_, event)) return event;
        state_ = State::kText;
        return Event::kLine;
      case State::kText:
        if (!take_line(input, line_limit_, event)) return event;
        return end_of_line();
    }
  }
}

// Bytes move out of the input as they come, so that none is looked at twice.
bool CommandReader::take_line(net::InputBuffer& input, std::size_t limit, Event& event) {
  std::string_view bytes = input.bytes();
  std::size_t end = bytes.find('\n');
  std::string_view piece = bytes.substr(0, end);
  if (line_octets_ + piece.size() > limit) {
    event = Event::kTooLong;
    return false;
  }
  text_ += piece;
  line_octets_ += piece.size();
  bool complete = end != std::string_view::npos;
  input.consume(piece.size() + (complete ? 1 : 0));
  if (complete && text_.size() > line_begin_ && text_.back() == '\r') text_.pop_back();
  return complete;
}

CommandReader::Event CommandReader::end_of_line() {
  std::string_view line = std::string_view(text_).substr(line_begin_);
  std::string_view announced = announced_literal(line);
  if (announced.empty()) return Event::kCommand;
  literal_ = {};
  std::size_t before = line.size() - announced.size() - 2;
  literal_.binary = before > 0 && line[before - 1] == '~';
  if (announced.back() == '+') {
    literal_.synchronizing = false;
    announced.remove_suffix(1);
  }
  auto size = parse_number(announced, kLargestLiteral);
  if (!size) return Event::kBadLiteral;
  literal_.size = *size;
  state_ = State::kDecision;
  return Event::kLiteral;
}

void CommandReader::take_octets(net::InputBuffer& input) {
  std::string_view bytes = input.bytes();
  bytes = bytes.substr(0, static_cast<std::size_t>(std::min<mail::ByteCount>(bytes.size(), remaining_)));
  if (state_ == State::kKeeping) {
    text_ += bytes;
  } else if (sink_) {
    sink_(bytes);
  }
  remaining_ -= bytes.size();
  input.consume(bytes.size());
}

void CommandReader::keep_literal() {
  text_ += "\r\n";
  remaining_ = literal_.size;
  held_ += literal_.size;
  state_ = State::kKeeping;
}

void CommandReader::stream_literal(Sink sink) {
  text_ += "\r\n";
  remaining_ = literal_.size;
  sink_ = std::move(sink);
  state_ = State::kStreaming;
}

void CommandReader::abandon() {
  state_ = State::kText;
  release();
}

void CommandReader::expect_line(std::size_t limit) {
  release();
  expected_limit_ = limit;
  state_ = State::kLine;
}

void CommandReader::release() {
  mail::Secret wiped(std::move(text_));
  text_ = std::string();
  line_begin_ = line_octets_ = 0;
  held_ = 0;
}

}  // namespace mailstead::imap
