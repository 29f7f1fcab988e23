// Text with variables, checked when the rules are compiled and filled in for each message:
//
//   ${header:NAME}   the first such field, decoded        ${account} ${folder}    where it was fetched
//   ${from.local} ${from.domain}                          ${regex:1}  a group of the rule's last regex that matched
//   ${to.local} ${to.domain}                              ${date:%Y-%m}  when it arrived, UTC
//   ${envelope-to} ${envelope-to.local} ${envelope-to.domain}   to whom it was really sent, never from To or Cc
//   ${spam.score} ${spam.action} ${spam.symbols}  of the verdict that a "spam" test of the rule got
//   ${srs}  to whom the bounce belongs that a "srs" test of the rule found
//
// ${to.…} is the envelope's first recipient where the account's "envelope" found one, else the first of the To field.
// `$${` stands for `${` itself. What a message brings is foreign: it reaches a folder or a header only through the
// calls below, which make it safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "router/compiler.h"
#include "router/evaluation.h"

namespace mailstead::router {

// What a recipient may be: an envelope address, or the name of a user without a domain, too.
enum class RecipientForm { kAddress, kAddressOrUser };
[[nodiscard]] bool is_recipient(std::string_view text, RecipientForm form) noexcept;

class Template {
 public:
  // nullopt after a problem. `facts` of the compiler must be those of the rule's conditions.
  [[nodiscard]] static std::optional<Template> compile(std::string_view text, Compiler& compiler);

  [[nodiscard]] const std::string& written() const noexcept { return written_; }
  [[nodiscard]] bool is_fixed() const noexcept;

  // A name of a folder, levels separated by "/". Values from the message lose control characters and cannot make
  // levels; a level that would be "." or ".." cannot arise. nullopt when a level comes out empty or the name is longer
  // than 1024 octets or deeper than 32 levels; `why` says so.
  [[nodiscard]] std::optional<std::string> folder(Evaluation& evaluation, std::string& why) const;
  // No variable has a value for this message: what it comes to is fixed text at most.
  [[nodiscard]] bool is_empty(Evaluation& evaluation) const;
  // One line of valid UTF-8 for a header or a log, at most 4 KiB.
  [[nodiscard]] std::string line(Evaluation& evaluation) const;
  // The recipient it comes to; for "${envelope-to}" alone, each recipient. Empty when it comes to none.
  [[nodiscard]] std::vector<std::string> addresses(Evaluation& evaluation, RecipientForm form) const;

 private:
  enum class Kind {
    kText,
    kHeader,
    kFromLocal,
    kFromDomain,
    kToLocal,
    kToDomain,
    kEnvelopeTo,
    kEnvelopeToLocal,
    kEnvelopeToDomain,
    kAccount,
    kFolder,
    kRegex,
    kDate,
    kSrs,
    kSpamScore,
    kSpamAction,
    kSpamSymbols
  };
  struct Piece {
    Kind kind = Kind::kText;
    std::string argument;  // the text, field name or date format
    std::size_t group = 0;
  };
  class Reader;

  [[nodiscard]] static std::string spam_text(Kind kind, const mail::SpamVerdict* verdict);
  [[nodiscard]] static std::string value_of(const Piece& piece, Evaluation& evaluation);

  std::string written_;
  std::vector<Piece> pieces_;
};

}  // namespace mailstead::router
