#include "connectors/net/trace_filter.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "mail/ascii.h"
#include "mail/escape.h"
#include "mail/header.h"

namespace mailstead::net {
namespace {

constexpr std::string_view kHidden = "***";
constexpr std::size_t kMaxReplies = 10'000;
constexpr std::size_t kMaxTail = 32;  // enough for {18446744073709551615+} and CR

struct Words {
  std::string_view first, rest;  // rest without the blanks before it
};

Words split(std::string_view text) {
  const auto end = text.find(' ');
  if (end == std::string_view::npos) return {text, {}};
  const auto next = text.find_first_not_of(' ', end);
  return {text.substr(0, end), next == std::string_view::npos ? std::string_view() : text.substr(next)};
}

bool is(std::string_view word, std::string_view name) {
  return mail::iequals(word, name);
}

std::string hidden_behind(std::string_view line, std::string_view rest) {
  if (rest.empty()) return std::string(line);
  return std::string(line.substr(0, line.size() - rest.size())) + std::string(kHidden);
}

// Wherever it stands: "Authorization: Bearer …", an error's echo.
std::string without_bearer(std::string line) {
  const std::string lower = mail::lowered(line);
  if (const auto found = lower.find("bearer "); found != std::string::npos) {
    line.resize(found + std::strlen("bearer "));
    line += kHidden;
  }
  return line;
}

// "{123}" or "{123+}" at the end of a line: the octets that follow it.
std::uint64_t literal_size(std::string_view line) {
  if (!line.ends_with('}')) return 0;
  const auto open = line.rfind('{');
  if (open == std::string_view::npos) return 0;
  std::string_view digits = line.substr(open + 1, line.size() - open - 2);
  if (digits.ends_with('+') || digits.ends_with('-')) digits.remove_suffix(1);
  if (digits.empty() || digits.size() > 18 || !std::all_of(digits.begin(), digits.end(), mail::is_digit)) return 0;
  std::uint64_t size = 0;
  for (char c : digits) size = size * 10 + static_cast<std::uint64_t>(c - '0');
  return size;
}

}  // namespace

void TraceFilter::note(const std::string& what) {
  if (!ours_.line.empty()) end_line(ours_);
  if (!theirs_.line.empty()) end_line(theirs_);
  sink_("*: " + what);
}

void TraceFilter::feed(Direction& direction, std::string_view octets) {
  while (!octets.empty()) {
    if (direction.literal > 0) {
      const auto part = std::min<std::uint64_t>(direction.literal, octets.size());
      direction.literal -= part;
      octets.remove_prefix(part);
      continue;
    }
    const auto end = octets.find('\n');
    const std::string_view part = octets.substr(0, end);
    const auto room = kMaxTraceLine - std::min(kMaxTraceLine, direction.line.size());
    direction.line += part.substr(0, room);
    // The end of a line says whether a literal follows: it is always kept.
    if (part.size() > room) {
      const std::string_view over = part.substr(room);
      direction.beyond += over.size();
      direction.tail += over.substr(over.size() - std::min(over.size(), kMaxTail));
      if (direction.tail.size() > kMaxTail) direction.tail.erase(0, direction.tail.size() - kMaxTail);
    }
    octets.remove_prefix(part.size() + (end == std::string_view::npos ? 0 : 1));
    if (end != std::string_view::npos) end_line(direction);
  }
}

void TraceFilter::end_line(Direction& direction) {
  std::string line = std::exchange(direction.line, {});
  std::string tail = std::exchange(direction.tail, {});
  const std::uint64_t beyond = std::exchange(direction.beyond, 0);
  std::string& end = tail.empty() ? line : tail;
  if (end.ends_with('\r')) end.pop_back();
  const bool ours = &direction == &ours_;
  if (direction.in_message) {
    if (line != "." || beyond > 0) {
      direction.message += line.size() + beyond + 2;
      return;
    }
    direction.in_message = false;
    show(direction, "(a message of " + std::to_string(direction.message) + " octets)");
    return show(direction, line);  // the end of the message, no reply of its own
  }
  if (!ours) judge_server(line);
  std::string text = without_bearer(ours ? of_client(line) : of_server(line));
  if (beyond > 0) text += " (and " + std::to_string(beyond) + " octets)";
  begin_literal(direction, end);
  if (direction.literal > 0) text += " (" + std::to_string(direction.literal) + " octets)";
  show(direction, text);
}

void TraceFilter::show(const Direction& direction, const std::string& text) {
  sink_(std::string(1, direction.letter) + ": " + mail::printable(text, 2 * kMaxTraceLine));
}

void TraceFilter::begin_literal(Direction& direction, std::string_view line) {
  if (protocol_ == Protocol::kImap) direction.literal = literal_size(line);
}

std::string TraceFilter::of_client(const std::string& line) {
  // A response of SASL is base64, which has no blank; with one it is the next command, sent before the answer came.
  if (signing_in_ && line.find(' ') == std::string::npos && !is_bare_pop3_command(line))
    return line == "*" ? line : std::string(kHidden);
  // What goes on behind a literal may belong to LOGIN.
  if (std::exchange(hide_next_, false)) {
    hide_next_ = literal_size(line) > 0;
    return std::string(kHidden);
  }
  return command(line);
}

// Commands of one word that may travel behind a sign-in. Base64 that looks like one tells nobody anything.
bool TraceFilter::is_bare_pop3_command(std::string_view line) const {
  constexpr std::array<std::string_view, 8> kBare{"CAPA", "UIDL", "LIST", "STAT", "UTF8", "NOOP", "RSET", "QUIT"};
  return protocol_ == Protocol::kPop3 && std::find(kBare.begin(), kBare.end(), line) != kBare.end();
}

std::string TraceFilter::command(const std::string& line) {
  if (protocol_ == Protocol::kUnknown) return std::string(kHidden);  // whatever it is
  const bool tagged = protocol_ == Protocol::kImap;
  const Words words = tagged ? split(split(line).rest) : split(line);
  const std::string_view verb = words.first;
  if (tagged && is(verb, "LOGIN")) {
    hide_next_ = literal_size(line) > 0;
    return hidden_behind(line, words.rest);
  }
  if (tagged ? is(verb, "AUTHENTICATE") : is(verb, "AUTH")) {
    if (!words.rest.empty()) signing_in_ = true;
    sign_in_tag_ = tagged ? std::string(split(line).first) : std::string();
    if (protocol_ == Protocol::kPop3) expect(verb, !words.rest.empty());
    return hidden_behind(line, split(words.rest).rest);
  }
  if (tagged) return line;
  if (protocol_ != Protocol::kSmtp) expect(verb, !words.rest.empty());
  if (is(verb, "PASS")) return hidden_behind(line, words.rest);
  if (is(verb, "APOP")) return hidden_behind(line, split(words.rest).rest);
  if (is(verb, "DATA")) data_asked_ = true;
  return line;
}

void TraceFilter::expect(std::string_view verb, bool has_argument) {
  Reply reply = Reply::kLine;
  if (is(verb, "RETR") || is(verb, "TOP")) reply = Reply::kMessage;
  if (is(verb, "CAPA") || ((is(verb, "LIST") || is(verb, "UIDL") || is(verb, "AUTH")) && !has_argument))
    reply = Reply::kLines;
  if (replies_.size() < kMaxReplies) replies_.push_back(reply);
}

// What the server's line means for what follows in either direction.
void TraceFilter::judge_server(const std::string& line) {
  if (protocol_ == Protocol::kUnknown) {
    if (line.starts_with("* ")) protocol_ = Protocol::kImap;
    if (line.starts_with("+OK") || line.starts_with("-ERR")) protocol_ = Protocol::kPop3;
    if (line.starts_with("220")) protocol_ = Protocol::kSmtp;
    return;
  }
  if (protocol_ == Protocol::kImap && signing_in_ && split(line).first == sign_in_tag_) signing_in_ = false;
  if (protocol_ == Protocol::kSmtp && line.size() >= 3 && (line.size() == 3 || line[3] == ' ')) {
    if (signing_in_ && !line.starts_with("334")) signing_in_ = false;
    if (std::exchange(data_asked_, false)) ours_.in_message = line.starts_with("354"), ours_.message = 0;
  }
  if (protocol_ != Protocol::kPop3) return;
  if (theirs_.in_lines) {
    theirs_.in_lines = line != ".";
    return;
  }
  if (line == "+" || line.starts_with("+ ")) return;  // goes on
  signing_in_ = false;
  Reply reply = Reply::kLine;
  if (!replies_.empty()) reply = replies_.front(), replies_.pop_front();
  if (!line.starts_with("+OK")) return;
  theirs_.in_lines = reply == Reply::kLines;
  theirs_.in_message = reply == Reply::kMessage;
  theirs_.message = 0;
}

std::string TraceFilter::of_server(const std::string& line) {
  const bool challenge = line.starts_with("+ ") || line.starts_with("334");
  if (!signing_in_ || !challenge) return line;
  return hidden_behind(line, split(line).rest);
}

}  // namespace mailstead::net
