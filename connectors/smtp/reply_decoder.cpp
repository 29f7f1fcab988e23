#include "connectors/smtp/reply_decoder.h"

#include <algorithm>
#include <utility>

#include "mail/ascii.h"
#include "mail/escape.h"
#include "mail/failure.h"
#include "mail/limits.h"

namespace mailstead::smtp {
namespace {

using mail::Failure;
using mail::FailureKind;
using mail::FailureScope;

constexpr std::size_t kCodeDigits = 3;
// The code, its separator and the CR, beside the text that is kept.
constexpr std::size_t kKeptWithCode = kMaxKeptLine + kCodeDigits + 2;

[[noreturn]] void refuse(std::string_view line) {
  throw Failure(FailureKind::kProtocol, FailureScope::kSession,
                "the server's answer is not SMTP: \"" + mail::printable(line, 200) + "\"");
}

int code_of(std::string_view line) {
  if (line.size() < kCodeDigits || !std::all_of(line.begin(), line.begin() + kCodeDigits, mail::is_digit)) refuse(line);
  if (line[0] < '2' || line[0] > '5') refuse(line);
  if (line.size() > kCodeDigits && line[kCodeDigits] != ' ' && line[kCodeDigits] != '-') refuse(line);
  return (line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0');
}

}  // namespace

std::size_t ReplyDecoder::feed(std::string_view bytes) {
  std::size_t used = 0;
  while (used < bytes.size() && !complete_) {
    auto rest = bytes.substr(used);
    auto end = rest.find('\n');
    auto piece = rest.substr(0, end);
    line_octets_ += piece.size();
    if (line_octets_ > mail::kMaxReplyLine) {
      throw Failure(FailureKind::kLimit, FailureScope::kSession, "the server's answer has an endless line");
    }
    line_.append(piece.substr(0, kKeptWithCode - std::min(line_.size(), kKeptWithCode)));
    used += piece.size();
    if (end == std::string_view::npos) break;
    ++used;
    end_line();
  }
  return used;
}

void ReplyDecoder::end_line() {
  if (line_octets_ == line_.size() && line_.ends_with('\r')) line_.pop_back();
  int code = code_of(line_);
  if (!reply_.lines.empty() && code != reply_.code) refuse(line_);
  if (reply_.lines.size() == kMaxReplyLines) {
    throw Failure(FailureKind::kLimit, FailureScope::kSession, "the server's answer has too many lines");
  }
  reply_.code = code;
  std::string_view text = line_;
  text.remove_prefix(std::min(text.size(), kCodeDigits + 1));
  reply_.lines.emplace_back(text.substr(0, kMaxKeptLine));
  complete_ = line_.size() == kCodeDigits || line_[kCodeDigits] == ' ';
  line_.clear();
  line_octets_ = 0;
}

WireReply ReplyDecoder::take() {
  complete_ = false;
  return std::exchange(reply_, {});
}

}  // namespace mailstead::smtp
