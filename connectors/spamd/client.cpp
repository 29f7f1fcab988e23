#include "connectors/spamd/client.h"

#include <charconv>
#include <optional>

#include "connectors/net/buffered_reader.h"
#include "mail/ascii.h"
#include "mail/escape.h"
#include "mail/failure.h"

namespace mailstead::spamd {
namespace {

using mail::Failure;
using mail::FailureKind;
using mail::FailureScope;

constexpr std::size_t kMaxLine = 1000;
constexpr std::size_t kMaxFields = 100;

[[noreturn]] void violate(const net::Stream& stream, const std::string& what) {
  throw Failure(FailureKind::kProtocol, FailureScope::kSession, stream.peer() + ": " + what);
}

// The next number of `text`, which is taken off it with the blanks and slashes before it.
std::optional<double> take_number(std::string_view& text) {
  const auto begin = text.find_first_not_of(" \t/;");
  if (begin == std::string_view::npos) return std::nullopt;
  text.remove_prefix(begin);
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

// "True ; 15.3 / 5.0"
std::optional<mail::SpamVerdict> read_verdict(std::string_view value) {
  const auto word_end = value.find_first_of(" \t;");
  const std::string word = mail::lowered(value.substr(0, word_end));
  if (word_end == std::string_view::npos || (word != "true" && word != "yes" && word != "false" && word != "no"))
    return std::nullopt;
  value.remove_prefix(word_end);
  const auto score = take_number(value);
  const auto required = take_number(value);
  if (!score || !required) return std::nullopt;
  return mail::SpamVerdict{word == "true" || word == "yes", *score, *required, {}, {}};
}

std::vector<std::string> read_symbols(std::string_view text) {
  std::vector<std::string> symbols;
  while (!text.empty()) {
    const auto end = text.find_first_of(", \r\n");
    if (end != 0) symbols.push_back(mail::printable(text.substr(0, end), 100));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return symbols;
}

class Answer {
 public:
  Answer(const net::Stream& stream, net::BufferedReader& reader, const net::Deadline& deadline)
      : stream_(stream), reader_(reader), deadline_(deadline) {}

  mail::SpamVerdict read() {
    read_status();
    std::optional<mail::SpamVerdict> verdict;
    std::size_t length = 0;
    std::size_t fields = 0;
    for (std::string field(line()); !field.empty(); field = line()) {
      if (++fields > kMaxFields) violate(stream_, "the fields of its answer do not end");
      const auto colon = field.find(':');
      if (colon == std::string::npos) violate(stream_, "it answers " + mail::printable(field, 80));
      const std::string name = mail::lowered(field.substr(0, colon));
      const std::string_view value = mail::trim(std::string_view(field).substr(colon + 1));
      if (name == "spam") verdict = read_verdict(value);
      if (name != "content-length") continue;
      const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), length);
      if (error != std::errc() || end != value.data() + value.size() || length > kMaxSymbols)
        violate(stream_, "its answer has a length of " + mail::printable(value, 40));
    }
    if (!verdict) violate(stream_, "its answer has no verdict");
    std::string symbols;
    reader_.read_exactly(length, std::chrono::hours(1), deadline_,
                         [&](std::string_view bytes) { symbols.append(bytes); });
    verdict->symbols = read_symbols(symbols);
    return *std::move(verdict);
  }

 private:
  std::string_view line() { return reader_.read_line(kMaxLine, deadline_); }

  // "SPAMD/1.1 0 EX_OK"; the numbers are those of sysexits.h.
  void read_status() {
    const std::string status(line());
    std::string_view rest = status;
    const auto blank = rest.find(' ');
    if (!rest.starts_with("SPAMD/") || blank == std::string_view::npos)
      violate(stream_, "it does not answer as spamd: " + mail::printable(status, 80));
    rest.remove_prefix(blank);
    const auto code = take_number(rest);
    if (!code) violate(stream_, "it does not answer as spamd: " + mail::printable(status, 80));
    // EX_UNAVAILABLE, EX_TEMPFAIL, EX_CONFIG: whatever the message.
    const bool of_service = *code == 69 || *code == 75 || *code == 78;
    if (*code != 0)
      throw Failure(FailureKind::kTemporary, of_service ? FailureScope::kAccount : FailureScope::kMessage,
                    stream_.peer() + " answers " + mail::printable(status, 200));
  }

  const net::Stream& stream_;
  net::BufferedReader& reader_;
  const net::Deadline& deadline_;
};

}  // namespace

mail::SpamVerdict ask(net::Stream& stream, const std::string& user, const mail::Content& message,
                      const net::Deadline& deadline) {
  net::BufferedReader reader(stream);
  std::string head = "SYMBOLS SPAMC/1.5\r\nContent-length: " + std::to_string(message.size()) + "\r\n";
  if (!user.empty()) head += "User: " + user + "\r\n";
  try {
    stream.write_all(head + "\r\n", deadline);
    mail::for_each_chunk(message, 0, message.size(),
                         [&](std::string_view chunk) { stream.write_all(chunk, deadline); });
  } catch (const Failure& failure) {
    // It may have refused before it had all, and closed: then it said why.
    if (failure.kind() != FailureKind::kTemporary || failure.scope() != FailureScope::kSession) throw;
    try {
      return Answer(stream, reader, deadline).read();
    } catch (const Failure& answer) {
      if (answer.scope() == FailureScope::kMessage) throw;
    }
    throw;
  }
  return Answer(stream, reader, deadline).read();
}

}  // namespace mailstead::spamd
