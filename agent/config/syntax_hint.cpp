// What a person most likely did wrong where JSON does not parse. The cases, by what stands at the place and what stands
// before it: end of the text; a closing bracket behind a comma, or the wrong one; a value where a comma is missing; a
// bare word or wrong quotes; a string that does not end; a wrong escape.
#include "agent/config/json_text.h"
#include "mail/ascii.h"
#include "mail/charset.h"

#include <fmt/format.h>

#include <algorithm>

namespace mailstead::agent {
namespace {

struct Bracket {
  char open;
  unsigned line;
};

// The text up to the place, as far as it matters.
struct Before {
  std::vector<Bracket> open;
  char last = 0;  // significant octet before the place; '"' the end of a string
  unsigned last_line = 0;
  unsigned string_line = 0;  // where the string begins in which the place is; 0: in none
  unsigned line = 1;
  std::size_t line_start = 0;
};

class Scan {
 public:
  explicit Scan(std::string_view text) : text_(text) {}

  Before up_to(std::size_t end) {
    for (; at_ < end && at_ < text_.size(); ++at_) step(text_[at_]);
    return std::move(seen_);
  }

 private:
  void step(char c) {
    if (c == '\n') {
      ++seen_.line;
      seen_.line_start = at_ + 1;
      line_comment_ = false;
      return;
    }
    if (line_comment_) return;
    if (block_comment_) {
      if (c == '/' && text_[at_ - 1] == '*') block_comment_ = false;
    } else if (seen_.string_line > 0) {
      in_string(c);
    } else if (c == '/' && at_ + 1 < text_.size()) {
      line_comment_ = text_[at_ + 1] == '/';
      block_comment_ = text_[at_ + 1] == '*';
      if (block_comment_) ++at_;
    } else if (!mail::is_space(c)) {
      significant(c);
    }
  }

  void in_string(char c) {
    if (escaped_) {
      escaped_ = false;
    } else if (c == '\\') {
      escaped_ = true;
    } else if (c == '"') {
      seen_.string_line = 0;
      mark('"');
    }
  }

  void significant(char c) {
    if (c == '"') {
      seen_.string_line = seen_.line;
      return;
    }
    if (c == '{' || c == '[') seen_.open.push_back({c, seen_.line});
    if ((c == '}' || c == ']') && !seen_.open.empty()) seen_.open.pop_back();
    mark(c);
  }

  void mark(char c) {
    seen_.last = c;
    seen_.last_line = seen_.line;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  Before seen_;
  bool line_comment_ = false, block_comment_ = false, escaped_ = false;
};

struct Said {
  std::string what, hint;
};

std::string line_text(unsigned line) {
  return "line " + std::to_string(line);
}

Said at_end(const Before& before) {
  if (before.string_line > 0) return {"the text ends inside a string", "it begins in " + line_text(before.string_line)};
  if (before.open.empty()) return {"the file is empty", "write at least {}"};
  const Bracket& last = before.open.back();
  return {"the text ends too early",
          std::string("the \"") + last.open + "\" of " + line_text(last.line) + " is not closed"};
}

Said at_closing(char c, const Before& before) {
  if (before.last == ',')
    return {std::string("a comma before \"") + c + '"', "remove the comma of " + line_text(before.last_line)};
  if (before.open.empty()) return {fmt::format("\"{}\" closes nothing", c), {}};
  const Bracket& last = before.open.back();
  if ((last.open == '{') != (c == '}'))
    return {fmt::format("\"{}\" where another bracket is open", c),
            std::string("the \"") + last.open + "\" of " + line_text(last.line) + " is to be closed first"};
  return {"a value is missing before the bracket", {}};
}

bool ends_value(char c) {
  return c == '"' || c == '}' || c == ']' || mail::is_digit(c) || mail::is_letter(c);
}

Said at_text(char c, const Before& before) {
  if (c == '\'') return {"single quotes", "strings take double quotes"};
  if (c == '#') return {"\"#\" begins no comment here", "comments begin with \"//\""};
  if (c == '=') return {"\"=\" stands where a colon belongs", {}};
  if (c == ',') return {before.last == ',' ? "two commas" : "a comma where a value belongs", {}};
  if (c == ':') return {"a colon where none belongs", "keys are strings in double quotes"};
  bool in_object = !before.open.empty() && before.open.back().open == '{';
  if (before.open.empty() && before.last != 0) return {"text behind the end of the configuration", {}};
  if (before.last == '"' && in_object && c != '"')
    return {"a colon or a comma is missing", "behind the string of " + line_text(before.last_line)};
  if (ends_value(before.last)) return {"a comma is missing", "behind the value of " + line_text(before.last_line)};
  if (in_object && (before.last == '{' || before.last == ','))
    return {"a key without quotes", "keys take double quotes"};
  return {"this is no JSON value", "strings take double quotes; true, false and null are in small letters"};
}

Said in_string(std::string_view text, std::size_t offset, const Before& before, const std::string& library_words) {
  if (library_words.find("ill-formed UTF-8") != std::string::npos)
    return {"the text is not valid UTF-8", "save the file as UTF-8"};
  if (library_words.find("forbidden character after backslash") != std::string::npos ||
      library_words.find("'\\u' must be followed") != std::string::npos)
    return {"a backslash that means nothing here", R"(a backslash itself is written \\)"};
  if (offset >= text.size()) return at_end(before);
  return {"the string does not end on its line", "its closing quote is missing in " + line_text(before.string_line)};
}

}  // namespace

SyntaxFault explain_syntax(std::string_view text, std::size_t offset, const std::string& library_words) {
  bool inside = library_words.find("invalid string") != std::string::npos;
  bool bare_word = library_words.find("invalid literal") != std::string::npos;
  offset = std::min(offset, text.size());
  while (bare_word && offset > 0 && mail::is_letter(text[offset - 1])) --offset;
  Before before = Scan(text).up_to(offset);
  Said said;
  if (inside) {
    said = in_string(text, offset, before, library_words);
  } else if (offset >= text.size()) {
    said = at_end(before);
  } else if (text[offset] == '}' || text[offset] == ']') {
    said = at_closing(text[offset], before);
  } else {
    said = at_text(text[offset], before);
  }
  auto column = static_cast<unsigned>(std::min(offset, text.size()) - before.line_start + 1);
  return {before.line, column, {}, std::move(said.what), std::move(said.hint)};
}

}  // namespace mailstead::agent
