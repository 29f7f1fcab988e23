#include "connectors/local/mbox_record.h"

#include <algorithm>
#include <array>
#include <ctime>

namespace mailstead::local {
namespace {

constexpr std::string_view kWord = "From ";
constexpr std::size_t kMaxSender = 320;  // RFC 3696 §3

enum class Start { kOpen, kFrom, kOther };

// What a line that begins like this is.
Start judge(std::string_view start) noexcept {
  const auto word = start.substr(std::min(start.find_first_not_of('>'), start.size()));
  if (word.size() >= kWord.size()) return word.starts_with(kWord) ? Start::kFrom : Start::kOther;
  return kWord.starts_with(word) ? Start::kOpen : Start::kOther;
}

}  // namespace

std::string MboxRecord::from_line(std::string_view sender, mail::WallTime date) {
  std::string word(sender.empty() ? "MAILER-DAEMON" : sender.substr(0, kMaxSender));
  std::replace_if(
      word.begin(), word.end(), [](char c) { return static_cast<unsigned char>(c) <= ' ' || c == '\x7f'; }, '-');
  const std::time_t seconds = date.time_since_epoch().count();
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  std::array<char, 64> text{};
  const std::size_t length = std::strftime(text.data(), text.size(), "%a %b %e %H:%M:%S %Y", &parts);
  return std::string(kWord) + word + ' ' + std::string(text.data(), length) + '\n';
}

void MboxRecord::convert(std::string_view bytes, std::string& out) {
  converted_.clear();
  unix_lines_.convert(bytes, converted_);
  quote(converted_, out);
}

void MboxRecord::finish(std::string& out) {
  converted_.clear();
  unix_lines_.finish(converted_);
  quote(converted_, out);
  out += start_;  // too short for "From "
  if (!start_.empty()) ends_with_lf_ = false;
  start_.clear();
  out += ends_with_lf_ ? "\n" : "\n\n";
}

void MboxRecord::quote(std::string_view lines, std::string& out) {
  while (!lines.empty()) {
    if (!line_start_) {
      const auto end = lines.find('\n');
      const auto rest = lines.substr(0, end == std::string_view::npos ? end : end + 1);
      out += rest;
      lines.remove_prefix(rest.size());
      line_start_ = end != std::string_view::npos;
      ends_with_lf_ = line_start_;
      continue;
    }
    start_ += lines.front();
    lines.remove_prefix(1);
    const Start kind = judge(start_);
    if (kind == Start::kOpen) continue;
    if (kind == Start::kFrom) out += '>';
    out += start_;
    line_start_ = start_.back() == '\n';
    ends_with_lf_ = line_start_;
    start_.clear();
  }
}

}  // namespace mailstead::local
