#include "connectors/smtp/verdict.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "mail/ascii.h"
#include "mail/escape.h"
#include "mail/limits.h"

namespace mailstead::smtp {
namespace {

using Kind = delivery::Reply::Kind;

// "5.7.1" at the front, of the same class as the code; "" when there is none (RFC 3463 §2: subject and detail have at
// most three digits).
std::string_view enhanced_code(std::string_view text, int category) {
  auto word = text.substr(0, text.find(' '));
  std::size_t dots = 0, digits = 0;
  for (char c : word) {
    if (c == '.') {
      if (digits == 0 || ++dots > 2) return {};
      digits = 0;
    } else if (!mail::is_digit(c) || ++digits > 3) {
      return {};
    }
  }
  bool well_formed = dots == 2 && digits > 0 && word[1] == '.';
  return well_formed && word[0] - '0' == category ? word : std::string_view{};
}

// Says that we, not the message, are at fault: the configuration will be mended or the server's state will change.
bool concerns_sign_in(int code) noexcept {
  // QUIRK: 530 is temporary (authentication or STARTTLS wanted) — fetchmail NEWS 6.3.10; the others RFC 4954 §6.
  return code == 530 || code == 534 || code == 535 || code == 538;
}

bool before_any_message(Stage stage) noexcept {
  return stage == Stage::kGreeting || stage == Stage::kHello || stage == Stage::kStartTls;
}

Kind kind_of_refusal(Stage stage, const WireReply& reply) {
  if (reply.category() == 4 || before_any_message(stage) || concerns_sign_in(reply.code)) return Kind::kTemporary;
  // "Bad sequence of commands" is about the session; a fresh one helps.
  if (reply.code == 503) return Kind::kTemporary;
  // Too many recipients, said the old way (RFC 5321 §4.5.3.1.10); unless it is about the mailbox (5.2.x).
  if (stage == Stage::kRecipient && reply.code == 552) {
    return enhanced_code(reply.lines.front(), 5).starts_with("5.2.") ? Kind::kPermanent : Kind::kTemporary;
  }
  return Kind::kPermanent;
}

}  // namespace

Verdict judge(Stage stage, const WireReply& reply) noexcept {
  if (reply.category() == 2 || reply.category() == 3) {
    bool expected = reply.category() == (stage == Stage::kData ? 3 : 2);
    return expected ? Verdict{Kind::kAccepted, false} : Verdict{Kind::kTemporary, true};
  }
  bool leaves = reply.code == 421 || reply.code == 503 || concerns_sign_in(reply.code);
  return {kind_of_refusal(stage, reply), leaves};
}

delivery::Reply kept_reply(const WireReply& reply, Kind kind) {
  delivery::Reply kept{kind, reply.code, std::string(enhanced_code(reply.lines.front(), reply.category())), {}};
  std::string text;
  for (std::string_view line : reply.lines) {
    if (!kept.enhanced.empty() && line.starts_with(kept.enhanced)) line.remove_prefix(kept.enhanced.size());
    line = mail::trim(line);
    if (!text.empty() && !line.empty()) text += ' ';
    text += line;
    if (text.size() > mail::kMaxRemoteText) break;
  }
  kept.text = mail::printable(text, mail::kMaxRemoteText);
  return kept;
}

delivery::Reply own_reply(Kind kind, std::string enhanced, std::string text) {
  return {kind, 0, std::move(enhanced), std::move(text)};
}

}  // namespace mailstead::smtp
