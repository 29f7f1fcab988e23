#include "connectors/pop3/client/refusal.h"

#include <algorithm>

#include "connectors/pop3/codec/number.h"
#include "mail/ascii.h"
#include "mail/escape.h"
#include "mail/limits.h"

namespace mailstead::pop3 {
namespace {

using mail::Failure;
using mail::FailureKind;
using mail::FailureScope;

// A server that refuses for a reason it does not name is not asked again within this time.
constexpr std::chrono::minutes kUnnamedWait{15};

// At the beginning of a word, so that "blocked" does not count.
bool has_word_beginning(const std::string& text, std::string_view beginning) {
  for (std::size_t at = text.find(beginning); at != std::string::npos; at = text.find(beginning, at + 1)) {
    if (at == 0 || !mail::is_letter(text[at - 1])) return true;
  }
  return false;
}

std::string words_of(const Reply& refusal) {
  std::string words = mail::printable(refusal.text, mail::kMaxRemoteText);
  if (refusal.code.empty()) return words.empty() ? "no reason given" : words;
  return "[" + mail::printable(refusal.code, 64) + "] " + words;
}

}  // namespace

bool is_temporary(const Reply& refusal) {
  for (std::string_view code : {"IN-USE", "LOGIN-DELAY", "SYS/TEMP"}) {
    if (refusal.has_code(code)) return true;
  }
  if (!refusal.code.empty()) return false;
  // QUIRK: servers without response codes say "lock busy", "please wait" (fetchmail pop3.c)
  std::string text = mail::lowered(refusal.text);
  constexpr std::string_view kWords[] = {"lock", "wait", "busy", "try again", "temporar", "in use"};
  return std::any_of(std::begin(kWords), std::end(kWords),
                     [&](std::string_view word) { return has_word_beginning(text, word); });
}

bool is_final_for_sign_in(const Reply& refusal) {
  return refusal.has_code("AUTH") || refusal.has_code("SYS/PERM") || is_temporary(refusal);
}

Failure sign_in_failure(const std::string& host, const Capabilities& capabilities, const Reply& refusal,
                        const std::string& reason) {
  const std::string text =
      host + ": sign-in refused: " + words_of(refusal) + (reason.empty() ? "" : " (" + reason + ")");
  if (refusal.has_code("LOGIN-DELAY")) {
    Failure failure(FailureKind::kTemporary, FailureScope::kSession, text);
    auto wait = wait_in_words(refusal.text).value_or(capabilities.login_delay);
    return wait.count() > 0 ? failure.come_again_in(wait) : failure;
  }
  if (is_temporary(refusal)) return {FailureKind::kTemporary, FailureScope::kSession, text};
  if (refusal.has_code("SYS/PERM")) return {FailureKind::kPermanent, FailureScope::kAccount, text};
  if (refusal.has_code("UTF8")) {
    return {FailureKind::kPermanent, FailureScope::kAccount, text + " (the server wants UTF-8 and does not offer it)"};
  }
  if (refusal.code.empty() && capabilities.authentication_codes) {
    return Failure(FailureKind::kTemporary, FailureScope::kAccount,
                   text + " (by the server's announcements this is not the password)")
        .come_again_in(kUnnamedWait);
  }
  return {FailureKind::kAuthentication, FailureScope::kAccount, text};
}

Failure refusal_failure(const std::string& host, const std::string& of_what, const Reply& refusal) {
  FailureKind kind = refusal.has_code("SYS/PERM") ? FailureKind::kPermanent : FailureKind::kTemporary;
  return {kind, FailureScope::kSession, host + ": " + of_what + " refused: " + words_of(refusal)};
}

std::optional<std::chrono::seconds> wait_in_words(std::string_view text) {
  const std::string words = mail::lowered(text);
  for (std::string_view rest(words); !rest.empty();) {
    auto number = parse_number(take_word(rest));
    if (!number) continue;
    struct Unit {
      std::string_view name;
      std::uint64_t seconds;
    };
    constexpr Unit kUnits[] = {{"sec", 1}, {"min", 60}, {"hour", 3600}};
    for (const Unit& unit : kUnits) {
      if (!rest.starts_with(unit.name)) continue;
      constexpr std::uint64_t kLongest = std::chrono::seconds(kLongestLoginDelay).count();
      return std::chrono::seconds(std::min(std::min(*number, kLongest) * unit.seconds, kLongest));
    }
  }
  return std::nullopt;
}

}  // namespace mailstead::pop3
