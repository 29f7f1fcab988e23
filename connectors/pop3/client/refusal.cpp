#include "connectors/pop3/client/refusal.h"

#include <algorithm>

#include "mail/ascii.h"
#include "mail/escape.h"
#include "mail/limits.h"

namespace mailstead::pop3 {
namespace {

using mail::Failure;
using mail::FailureKind;
using mail::FailureScope;

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

Failure sign_in_failure(const std::string& host, const Reply& refusal) {
  std::string text = host + ": sign-in refused: " + words_of(refusal);
  if (is_temporary(refusal)) return {FailureKind::kTemporary, FailureScope::kSession, text};
  if (refusal.has_code("SYS/PERM")) return {FailureKind::kPermanent, FailureScope::kAccount, text};
  return {FailureKind::kAuthentication, FailureScope::kAccount, text};
}

Failure refusal_failure(const std::string& host, const std::string& of_what, const Reply& refusal) {
  FailureKind kind = refusal.has_code("SYS/PERM") ? FailureKind::kPermanent : FailureKind::kTemporary;
  return {kind, FailureScope::kSession, host + ": " + of_what + " refused: " + words_of(refusal)};
}

}  // namespace mailstead::pop3
