#include "connectors/imap/server/base_subject.h"

#include <algorithm>

#include "mail/ascii.h"
#include "mail/encoded_word.h"
#include "mail/header.h"
#include "mail/unicode.h"

namespace mailstead::imap {
namespace {

std::string with_single_blanks(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (!mail::is_space(c)) {
      out += c;
    } else if (out.empty() || out.back() != ' ') {
      out += ' ';
    }
  }
  return out;
}

bool starts_with(std::string_view text, std::string_view word) {
  return mail::iequals(text.substr(0, word.size()), word);
}
bool ends_with(std::string_view text, std::string_view word) {
  return text.size() >= word.size() && mail::iequals(text.substr(text.size() - word.size()), word);
}

// Length of subj-blob at the front: "[" anything but brackets "]" and blanks; 0 when there is none.
std::size_t blob_length(std::string_view text) {
  if (text.empty() || text.front() != '[') return 0;
  std::size_t end = text.find_first_of("[]", 1);
  if (end == std::string_view::npos || text[end] != ']') return 0;
  ++end;
  while (end < text.size() && text[end] == ' ') ++end;
  return end;
}

// Length of subj-refwd at the front: "re", "fw" or "fwd", blanks, perhaps a blob, ":".
std::size_t refwd_length(std::string_view text) {
  std::size_t at = 0;
  for (std::string_view word : {"re", "fwd", "fw"}) {
    if (!starts_with(text, word)) continue;
    at = word.size();
    break;
  }
  if (at == 0) return 0;
  while (at < text.size() && text[at] == ' ') ++at;
  at += blob_length(text.substr(at));
  return at < text.size() && text[at] == ':' ? at + 1 : 0;
}

// Step 2: "(fwd)" and blanks at the end.
void drop_trailers(std::string_view& text, bool& is_reply) {
  while (true) {
    if (text.ends_with(' ')) {
      text.remove_suffix(1);
    } else if (ends_with(text, "(fwd)")) {
      text.remove_suffix(5);
      is_reply = true;
    } else {
      return;
    }
  }
}

// Step 3: blanks, or blobs before a refwd. How far the blobs reach is found once for all of them.
bool drop_leader(std::string_view& text, bool& is_reply) {
  std::size_t at = 0;
  while (at < text.size() && text[at] == ' ') ++at;
  if (at > 0) {
    text.remove_prefix(at);
    return true;
  }
  while (std::size_t blob = blob_length(text.substr(at))) at += blob;
  std::size_t refwd = refwd_length(text.substr(at));
  if (refwd == 0) return false;
  text.remove_prefix(at + refwd);
  return is_reply = true;
}

// Step 4: blobs in front, as long as something is left behind them.
bool drop_blobs(std::string_view& text) {
  std::size_t at = 0;
  while (std::size_t blob = blob_length(text.substr(at))) {
    if (at + blob == text.size()) break;
    at += blob;
  }
  text.remove_prefix(at);
  return at > 0;
}

}  // namespace

BaseSubject base_subject(std::string_view raw) {
  BaseSubject base;
  std::string decoded = with_single_blanks(mail::decode_encoded_words(raw));
  std::string_view text = decoded;
  while (true) {
    drop_trailers(text, base.is_reply);
    while (drop_leader(text, base.is_reply) || drop_blobs(text)) {
    }
    if (!starts_with(text, "[fwd:") || !text.ends_with(']')) break;
    text = text.substr(5, text.size() - 6);
    base.is_reply = true;
  }
  base.text = text;
  return base;
}

std::string collation_key(std::string_view utf8) {
  std::string key = mail::fold_case(utf8);
  // i;unicode-casemap compares titlecase: "_" stands behind the letters.
  std::transform(key.begin(), key.end(), key.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - ('a' - 'A')) : c; });
  return key;
}

}  // namespace mailstead::imap
