#include "connectors/imap/delivery/verdict.h"

#include <algorithm>
#include <array>
#include <utility>

#include "connectors/imap/client/refusal.h"
#include "connectors/imap/codec/syntax.h"
#include "mail/ascii.h"
#include "mail/escape.h"
#include "mail/failure.h"
#include "mail/limits.h"

namespace mailstead::imap {
namespace {

using delivery::Reply;

struct Meaning {
  std::string_view mark;  // a response code, or lower-case words within the text
  Reply::Kind kind;
  std::string_view enhanced;  // RFC 3463
};

constexpr auto kTemporary = Reply::Kind::kTemporary;
constexpr auto kPermanent = Reply::Kind::kPermanent;

// A full mailbox is temporary: its owner may make room within the days that the queue waits.
constexpr std::array<Meaning, 13> kCodes{{{"TOOBIG", kPermanent, "5.3.4"},
                                          {"CANNOT", kPermanent, "5.3.0"},
                                          {"NOPERM", kPermanent, "5.7.1"},
                                          {"UNKNOWN-CTE", kPermanent, "5.6.1"},
                                          {"OVERQUOTA", kTemporary, "4.2.2"},
                                          {"LIMIT", kTemporary, "4.2.0"},
                                          {"UNAVAILABLE", kTemporary, "4.3.0"},
                                          {"INUSE", kTemporary, "4.2.0"},
                                          {"CORRUPTION", kTemporary, "4.2.0"},
                                          {"SERVERBUG", kTemporary, "4.3.0"},
                                          {"CONTACTADMIN", kTemporary, "4.3.5"},
                                          {"TRYCREATE", kTemporary, "4.2.1"},
                                          {"NONEXISTENT", kTemporary, "4.2.1"}}};

constexpr std::array<Meaning, 10> kWords{{
    {"quota", kTemporary, "4.2.2"},
    {"mailbox is full", kTemporary, "4.2.2"},
    // QUIRK: Gmail, Exchange, looked for: a message that is too large without a code, in these words.
    {"too large", kPermanent, "5.3.4"},
    {"too big", kPermanent, "5.3.4"},
    {"larger than the maximum", kPermanent, "5.3.4"},
    {"maximum message size", kPermanent, "5.3.4"},
    {"exceeds the maximum", kPermanent, "5.3.4"},
    // QUIRK: Cyrus, imap/message.c: takes no NUL, no bare LF and no header that is none.
    {"message contains nul", kPermanent, "5.6.0"},
    {"message contains bare newlines", kPermanent, "5.6.0"},
    {"message contains invalid header", kPermanent, "5.6.0"},
}};

const Meaning* by_code(const Completion& end) {
  const auto* found =
      std::find_if(kCodes.begin(), kCodes.end(), [&](const Meaning& m) { return end.has_code(m.mark); });
  return found == kCodes.end() ? nullptr : found;
}

const Meaning* by_words(const Completion& end) {
  const std::string words = mail::lowered(end.text);
  const auto* found = std::find_if(kWords.begin(), kWords.end(), [&](const Meaning& meaning) {
    return words.find(meaning.mark) != std::string::npos;
  });
  return found == kWords.end() ? nullptr : found;
}

const Meaning* meaning_of(const Completion& end) {
  const Meaning* code = by_code(end);
  const Meaning* words = by_words(end);
  const bool for_good = words != nullptr && words->kind == kPermanent;
  // QUIRK: Dovecot, seen with 2.3: [LIMIT] for a message above quota_max_mail_size, which no waiting makes smaller.
  if (code != nullptr) return end.has_code("LIMIT") && for_good ? words : code;
  return for_good && is_only_unavailable(end) ? nullptr : words;
}

std::string words_of(const Completion& end) {
  std::string words = end.status == Status::kBad ? "BAD" : "NO";
  if (!end.code.empty()) words += " [" + mail::printable(end.code, 60) + "]";
  return words + " " + (end.text.empty() ? "(no reason given)" : end.text);
}

}  // namespace

Reply own_reply(Reply::Kind kind, std::string enhanced, std::string text) {
  return {kind, 0, std::move(enhanced), mail::printable(text, mail::kMaxRemoteText)};
}

Reply refused(const Completion& end, const std::string& what) {
  const mail::Failure failure = command_refusal(end, mail::FailureScope::kMessage, what);
  if (failure.scope() == mail::FailureScope::kAccount) throw mail::Failure(failure);
  const Meaning* meaning = meaning_of(end);
  return own_reply(meaning != nullptr ? meaning->kind : kTemporary,
                   std::string(meaning != nullptr ? meaning->enhanced : "4.0.0"), what + words_of(end));
}

bool may_lack_folder(const Completion& end) {
  if (end.status != Status::kNo) return false;
  if (end.has_code("TRYCREATE") || end.has_code("NONEXISTENT")) return true;
  return end.code.empty() && meaning_of(end) == nullptr && !is_only_unavailable(end);
}

std::optional<AppendUid> append_uid(const Completion& end) {
  if (!end.ok() || !end.has_code("APPENDUID")) return std::nullopt;
  const std::string_view arguments = end.arguments;
  const std::size_t blank = arguments.find(' ');
  if (blank == std::string_view::npos) return std::nullopt;
  const auto validity = parse_number(arguments.substr(0, blank), UINT32_MAX);
  const auto uid = parse_number(arguments.substr(blank + 1), UINT32_MAX);
  if (!validity || !uid || *validity == 0 || *uid == 0) return std::nullopt;
  return AppendUid{static_cast<std::uint32_t>(*validity), static_cast<std::uint32_t>(*uid)};
}

}  // namespace mailstead::imap
