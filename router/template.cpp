#include "router/template.h"

#include "mail/address.h"
#include "mail/ascii.h"
#include "mail/header.h"
#include "mail/unicode.h"
#include "router/date_format.h"
#include "router/folder_name.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace mailstead::router {
namespace {

constexpr std::size_t kMaxLine = 4096;
constexpr std::array<std::string_view, 16> kVariables = {
    "header:NAME",        "from.local",  "from.domain", "to.local", "to.domain",  "envelope-to", "envelope-to.local",
    "envelope-to.domain", "account",     "folder",      "regex:1",  "date:%Y-%m", "srs",         "spam.score",
    "spam.action",        "spam.symbols"};
// The same without arguments, for a suggestion.
constexpr std::array<std::string_view, 16> kNames = {"header",
                                                     "from.local",
                                                     "from.domain",
                                                     "to.local",
                                                     "to.domain",
                                                     "envelope-to",
                                                     "envelope-to.local",
                                                     "envelope-to.domain",
                                                     "account",
                                                     "folder",
                                                     "regex",
                                                     "date",
                                                     "srs",
                                                     "spam.score",
                                                     "spam.action",
                                                     "spam.symbols"};

std::string first_of(AddressValues& found, std::vector<Value> AddressValues::*part) {
  const std::vector<Value>& values = found.*part;
  return values.empty() ? std::string() : values.front().text();
}

std::string recipient_part(Evaluation& evaluation, std::vector<Value> AddressValues::*part) {
  if (!evaluation.subject().envelope_to.empty())
    return first_of(evaluation.addresses(AddressSource::kEnvelopeTo), part);
  AddressValues& to = evaluation.addresses(AddressSource::kTo);
  return first_of(to.whole.empty() ? evaluation.addresses(AddressSource::kEnvelopeTo) : to, part);
}

bool is_control(char c) noexcept {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
}

}  // namespace

// Takes a template apart.
class Template::Reader {
 public:
  Reader(std::string_view text, Compiler& compiler) : text_(text), compiler_(compiler) {}

  std::vector<Piece> read() {
    while (at_ < text_.size()) {
      if (text_.substr(at_).starts_with("$${")) {
        append_text("${");
        at_ += 3;
      } else if (text_.substr(at_).starts_with("${")) {
        read_variable();
      } else {
        append_text(text_.substr(at_++, 1));
      }
    }
    return std::move(pieces_);
  }

 private:
  void append_text(std::string_view text) {
    if (pieces_.empty() || pieces_.back().kind != Kind::kText) pieces_.push_back({});
    pieces_.back().argument += text;
  }

  void read_variable() {
    auto end = text_.find('}', at_);
    if (end == std::string_view::npos) {
      compiler_.problem("\"${\" without its \"}\" in " + in_quotes(text_),
                        "write \"$${\" for the characters themselves");
      at_ = text_.size();
      return;
    }
    std::string_view inside = text_.substr(at_ + 2, end - at_ - 2);
    at_ = end + 1;
    auto colon = inside.find(':');
    std::string_view name = inside.substr(0, colon);
    bool has_argument = colon != std::string_view::npos;
    std::string_view argument = has_argument ? inside.substr(colon + 1) : std::string_view();
    auto found = std::find(kNames.begin(), kNames.end(), name);
    if (found == kNames.end()) {
      std::string hint = did_you_mean(name, kNames);
      compiler_.problem("unknown variable " + in_quotes("${" + std::string(inside) + "}"),
                        hint.empty() ? "there are " + enumerated(kVariables) : hint);
      return;
    }
    auto position = static_cast<std::size_t>(found - kNames.begin());
    bool wants_argument = kVariables[position] != kNames[position];
    if (wants_argument == (has_argument && !argument.empty())) {
      add(position, argument);
    } else {
      compiler_.problem("the variable " + in_quotes("${" + std::string(inside) + "}") +
                        (wants_argument ? " lacks its argument" : " takes no argument"));
    }
  }

  void add(std::size_t position, std::string_view argument) {
    constexpr std::array<Kind, 16> kKinds = {
        Kind::kHeader,   Kind::kFromLocal,  Kind::kFromDomain,      Kind::kToLocal,
        Kind::kToDomain, Kind::kEnvelopeTo, Kind::kEnvelopeToLocal, Kind::kEnvelopeToDomain,
        Kind::kAccount,  Kind::kFolder,     Kind::kRegex,           Kind::kDate,
        Kind::kSrs,      Kind::kSpamScore,  Kind::kSpamAction,      Kind::kSpamSymbols};
    Piece piece{kKinds[position], std::string(argument), 0};
    if (piece.kind == Kind::kHeader) {
      if (!mail::is_field_name(argument)) compiler_.problem(in_quotes(argument) + " is no name of a header field");
      piece.argument = mail::lowered(argument);
    }
    if (piece.kind == Kind::kRegex) piece.group = read_group(argument);
    if (piece.kind == Kind::kDate) check_date(argument);
    if (piece.kind == Kind::kSrs && !compiler_.facts().has_srs)
      compiler_.problem("${srs} needs a \"srs\" test in the \"if\" of the same rule",
                        "one inside \"not\" does not count");
    const bool of_spam =
        piece.kind == Kind::kSpamScore || piece.kind == Kind::kSpamAction || piece.kind == Kind::kSpamSymbols;
    if (of_spam && !compiler_.facts().has_spam)
      compiler_.problem("${" + std::string(kNames[position]) +
                        "} needs a \"spam\" test in the \"if\" of the same rule");
    pieces_.push_back(std::move(piece));
  }

  std::size_t read_group(std::string_view argument) {
    std::size_t group = 0;
    auto [end, error] = std::from_chars(argument.data(), argument.data() + argument.size(), group);
    if (error != std::errc() || end != argument.data() + argument.size()) {
      compiler_.problem(in_quotes(argument) + " is no number of a group", "write ${regex:1}; 0 is the whole match");
    } else if (!compiler_.facts().has_regex) {
      compiler_.problem("${regex:" + std::string(argument) + "} needs a \"regex\" test in the \"if\" of the same rule",
                        "one inside \"not\" does not count");
    } else if (group > static_cast<std::size_t>(compiler_.facts().regex_groups)) {
      compiler_.problem("${regex:" + std::string(argument) + "}: the rule's regular expressions have only " +
                        std::to_string(compiler_.facts().regex_groups) + " groups in parentheses");
    }
    return group;
  }

  void check_date(std::string_view format) {
    if (std::string fault = fault_of_date_format(format); !fault.empty()) compiler_.problem(fault, kDateFormatHint);
  }

  std::string_view text_;
  Compiler& compiler_;
  std::size_t at_ = 0;
  std::vector<Piece> pieces_;
};

std::optional<Template> Template::compile(std::string_view text, Compiler& compiler) {
  std::size_t before = compiler.problems();
  if (std::any_of(text.begin(), text.end(), is_control)) compiler.problem("contains a control character");
  Template made;
  made.written_ = text;
  made.pieces_ = Reader(text, compiler).read();
  if (compiler.problems() != before) return std::nullopt;
  return made;
}

bool Template::is_fixed() const noexcept {
  return std::all_of(pieces_.begin(), pieces_.end(), [](const Piece& piece) { return piece.kind == Kind::kText; });
}

std::string Template::spam_text(Kind kind, const mail::SpamVerdict* verdict) {
  if (verdict == nullptr) return {};
  if (kind == Kind::kSpamScore) return fmt::format("{:.2f}", verdict->score);
  if (kind == Kind::kSpamAction) return verdict->action;
  return fmt::format("{}", fmt::join(verdict->symbols, ","));
}

std::string Template::value_of(const Piece& piece, Evaluation& evaluation) {
  const Subject& subject = evaluation.subject();
  switch (piece.kind) {
    case Kind::kText: return piece.argument;
    case Kind::kHeader: {
      const std::vector<Value>& values = evaluation.header(piece.argument);
      return values.empty() ? std::string() : values.front().text();
    }
    case Kind::kFromLocal: return first_of(evaluation.addresses(AddressSource::kFrom), &AddressValues::local);
    case Kind::kFromDomain: return first_of(evaluation.addresses(AddressSource::kFrom), &AddressValues::domain);
    case Kind::kToLocal: return recipient_part(evaluation, &AddressValues::local);
    case Kind::kToDomain: return recipient_part(evaluation, &AddressValues::domain);
    case Kind::kEnvelopeTo: return first_of(evaluation.addresses(AddressSource::kEnvelopeTo), &AddressValues::whole);
    case Kind::kEnvelopeToLocal:
      return first_of(evaluation.addresses(AddressSource::kEnvelopeTo), &AddressValues::local);
    case Kind::kEnvelopeToDomain:
      return first_of(evaluation.addresses(AddressSource::kEnvelopeTo), &AddressValues::domain);
    case Kind::kAccount: return std::string(subject.account);
    case Kind::kFolder: return std::string(subject.folder);
    case Kind::kRegex:
      return piece.group < evaluation.captures.size() ? evaluation.captures[piece.group] : std::string();
    case Kind::kSrs: return evaluation.srs_sender;
    case Kind::kSpamScore:
    case Kind::kSpamAction:
    case Kind::kSpamSymbols: return spam_text(piece.kind, evaluation.spam_verdict);
    case Kind::kDate: return format_date(piece.argument, subject.internal_date);
  }
  return {};
}

std::optional<std::string> Template::folder(Evaluation& evaluation, std::string& why) const {
  std::string name;
  for (const Piece& piece : pieces_) {
    std::string value = value_of(piece, evaluation);
    // The source's own folder and a date are ours to nest; what the message says is not.
    bool foreign = piece.kind != Kind::kText && piece.kind != Kind::kDate && piece.kind != Kind::kFolder;
    name += foreign ? safe_level_text(value) : value;
  }
  std::optional<std::string> safe = safe_folder(name);
  if (!safe) why = "the folder \"" + written_ + "\" came out as " + in_quotes(name);
  return safe;
}

bool Template::is_empty(Evaluation& evaluation) const {
  return std::all_of(pieces_.begin(), pieces_.end(), [&](const Piece& piece) {
    return piece.kind == Kind::kText || mail::trim(value_of(piece, evaluation)).empty();
  });
}

std::string Template::line(Evaluation& evaluation) const {
  std::string out;
  for (const Piece& piece : pieces_) out += value_of(piece, evaluation);
  std::replace_if(out.begin(), out.end(), is_control, ' ');
  return std::string(mail::trim(mail::cut(out, kMaxLine)));
}

bool is_recipient(std::string_view text, RecipientForm form) noexcept {
  return mail::is_envelope_address(text) ||
         (form == RecipientForm::kAddressOrUser && mail::is_envelope_local_part(text));
}

std::vector<std::string> Template::addresses(Evaluation& evaluation, RecipientForm form) const {
  std::vector<std::string> found;
  auto add = [&](std::string_view text) {
    text = mail::trim(text);
    if (is_recipient(text, form)) found.emplace_back(text);
  };
  if (pieces_.size() == 1 && pieces_.front().kind == Kind::kEnvelopeTo) {
    for (const Value& recipient : evaluation.addresses(AddressSource::kEnvelopeTo).whole) add(recipient.text());
    return found;
  }
  std::string out;
  for (const Piece& piece : pieces_) out += value_of(piece, evaluation);
  add(out);
  return found;
}

}  // namespace mailstead::router
