#include "connectors/imap/client/refusal.h"

#include <algorithm>
#include <array>

#include "mail/ascii.h"
#include "mail/escape.h"
#include "mail/limits.h"

namespace mailstead::imap {
namespace {

using mail::Failure;
using mail::FailureKind;
using mail::FailureScope;
using namespace std::chrono_literals;

constexpr std::chrono::milliseconds kLongestHint = 24h;
constexpr std::size_t kMaxHintDigits = 9;

// Zero: only for now, but nothing is known of when.
struct Sign {
  std::string_view mark;  // a response code, or lower-case words within the text
  std::chrono::seconds wait;
  bool whole_account;
};

constexpr std::array<Sign, 7> kCodes{{{"UNAVAILABLE", 60s, false},
                                      {"INUSE", 60s, false},
                                      {"LIMIT", 300s, false},
                                      {"OVERQUOTA", 3600s, false},
                                      {"THROTTLED", 300s, true},
                                      {"SERVERBUG", 0s, false},
                                      {"EXPIRED-SESSION", 0s, true}}};

constexpr std::array<Sign, 9> kWords{{
    // QUIRK: Microsoft 365, getmail6#214: the sign-in was right, the mailbox behind it is not there (yet).
    {"authenticated but not connected", 600s, true},
    // QUIRK: Microsoft 365, imapsync#198: with "Suggested Backoff Time: N milliseconds" behind it.
    {"throttled", 300s, true},
    {"suggested backoff time", 300s, true},
    // QUIRK: Gmail, imapsync FAQ.Gmail: 15 connections at a time, 2,500 MB a day.
    {"too many simultaneous connections", 300s, true},
    {"bandwidth limit", 3600s, true},
    {"too many connections", 300s, true},
    {"maximum number of connections", 300s, true},
    {"temporar", 0s, false},
    {"try again later", 0s, false},
}};

// The server's own verdict on who we are, whatever its words.
constexpr std::array<std::string_view, 5> kVerdicts{"AUTHENTICATIONFAILED", "AUTHORIZATIONFAILED", "EXPIRED",
                                                    "PRIVACYREQUIRED", "CONTACTADMIN"};

const Sign* sign_of(std::string_view code, std::string_view text) {
  for (std::string_view verdict : kVerdicts) {
    if (same_word(code, verdict)) return nullptr;
  }
  for (const Sign& sign : kCodes) {
    if (same_word(code, sign.mark)) return &sign;
  }
  std::string words = mail::lowered(text);
  for (const Sign& sign : kWords) {
    if (words.find(sign.mark) != std::string::npos) return &sign;
  }
  return nullptr;
}

// "Suggested Backoff Time: 299961 milliseconds"
std::optional<std::chrono::seconds> suggested_wait(std::string_view text) {
  constexpr std::string_view kMark = "suggested backoff time:";
  std::string words = mail::lowered(text);
  std::size_t at = words.find(kMark);
  if (at == std::string::npos) return std::nullopt;
  at = words.find_first_not_of(' ', at + kMark.size());
  if (at == std::string::npos) return std::nullopt;
  std::size_t end = std::min(words.find_first_not_of("0123456789", at), words.size());
  if (end == at || words.compare(end, 13, " milliseconds") != 0) return std::nullopt;
  if (end - at > kMaxHintDigits) return std::chrono::ceil<std::chrono::seconds>(kLongestHint);
  std::chrono::milliseconds wait(std::stoll(words.substr(at, end - at)));
  return std::chrono::ceil<std::chrono::seconds>(std::min(wait, kLongestHint));
}

std::string words_of(std::string_view code, std::string_view text) {
  std::string words(text);
  if (!code.empty()) words = "[" + mail::printable(code, 60) + "] " + words;
  return words.empty() ? "no reason given" : words;
}

Failure with_wait(Failure failure, std::string_view code, std::string_view text) {
  const Sign* sign = sign_of(code, text);
  if (auto wait = suggested_wait(text)) return failure.come_again_in(*wait);
  if (sign != nullptr && sign->wait > 0s) return failure.come_again_in(sign->wait);
  return failure;
}

std::string explained(std::string words, std::string_view text) {
  if (mail::lowered(text).find("authenticated but not connected") == std::string::npos) return words;
  return words + " (the password or token is right, but the server does not open this mailbox: a wrong \"user\", " +
         "a licence or permission that is missing, or an outage)";
}

}  // namespace

bool is_only_unavailable(const Completion& end) {
  return end.status == Status::kBye || sign_of(end.code, end.text) != nullptr;
}

Failure sign_in_refusal(const Completion& end) {
  std::string text = "the server refused the sign-in: " + words_of(end.code, end.text);
  if (end.has_code("REFERRAL")) {
    return {FailureKind::kConfiguration, FailureScope::kAccount,
            text + " (it names another server, " + mail::printable(end.arguments, 200) +
                "; referrals are never followed: set \"host\" to it if it is yours)"};
  }
  if (!is_only_unavailable(end)) return {FailureKind::kAuthentication, FailureScope::kAccount, text};
  return with_wait({FailureKind::kTemporary, FailureScope::kAccount, explained(text, end.text)}, end.code, end.text);
}

Failure command_refusal(const Completion& end, FailureScope scope, const std::string& what) {
  const Sign* sign = sign_of(end.code, end.text);
  if (sign != nullptr && sign->whole_account) scope = FailureScope::kAccount;
  return with_wait({FailureKind::kTemporary, scope, explained(what + words_of(end.code, end.text), end.text)}, end.code,
                   end.text);
}

Failure goodbye(std::string_view code, std::string_view text) {
  std::string words = "the server ended the session: " + words_of(code, text);
  return with_wait({FailureKind::kTemporary, FailureScope::kSession, explained(words, text)}, code, text);
}

}  // namespace mailstead::imap
