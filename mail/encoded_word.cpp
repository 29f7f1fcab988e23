#include "mail/encoded_word.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "mail/ascii.h"
#include "mail/charset.h"
#include "mail/header.h"
#include "mail/transfer_encoding.h"
#include "mail/utf8.h"

namespace mailstead::mail {
namespace {

constexpr std::size_t kLongestCharset = 64;
constexpr std::size_t kWordOctets = 75;        // RFC 2047 §2
constexpr std::size_t kLongestBareWord = 900;  // a longer one could not be folded below 998

struct EncodedWord {
  std::string_view charset;
  bool base64 = false;
  std::string_view text;
  std::size_t length = 0;  // with "=?" and "?="
};

// An encoded word at the front of `text`. `ends_left` becomes false when there is no "?=" any more, so that a value
// full of "=?" is not searched again and again.
std::optional<EncodedWord> match_word(std::string_view text, bool& ends_left) {
  EncodedWord word;
  std::size_t mark = text.substr(0, kLongestCharset + 3).find('?', 2);
  if (mark == std::string_view::npos || mark == 2 || mark + 2 >= text.size() || text[mark + 2] != '?')
    return std::nullopt;
  word.charset = text.substr(2, mark - 2);
  char encoding = lower(text[mark + 1]);
  if ((encoding != 'q' && encoding != 'b') || word.charset.find_first_of(" \t=") != std::string_view::npos)
    return std::nullopt;
  word.base64 = encoding == 'b';
  std::size_t end = text.find("?=", mark + 3);
  if (end == std::string_view::npos) {
    ends_left = false;
    return std::nullopt;
  }
  word.text = text.substr(mark + 3, end - mark - 3);
  word.length = end + 2;
  return word;
}

std::string decode_q(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    int high = text[i] == '=' && i + 2 < text.size() ? hex_value(text[i + 1]) : -1;
    int low = high >= 0 ? hex_value(text[i + 2]) : -1;
    if (low >= 0) {
      out.push_back(static_cast<char>(high * 16 + low));
      i += 2;
    } else {
      out.push_back(text[i] == '_' ? ' ' : text[i]);
    }
  }
  return out;
}

// Gathers neighbouring words of one charset before it converts them: characters, and base64 quanta, are split over
// words.
class Decoder {
 public:
  void word(const EncodedWord& word) {
    if (!iequals(word.charset, charset_)) flush();
    charset_ = word.charset;
    if (!word.base64) {
      flush_base64();
      bytes_.append(decode_q(word.text));
      return;
    }
    base64_.append(word.text);
    if (base64_.size() % 4 == 0 || base64_.back() == '=') flush_base64();
  }

  void text(std::string_view text) {
    flush();
    out_.append(guess_utf8(text));
  }

  std::string finish() {
    flush();
    return std::move(out_);
  }

 private:
  void flush_base64() {
    bytes_.append(decode_base64_leniently(base64_));
    base64_.clear();
  }

  // Line ends and NUL that were smuggled in by encoding have no meaning in a field's value.
  void flush() {
    flush_base64();
    if (bytes_.empty()) return;
    std::string text = to_utf8(bytes_, charset_);
    std::replace_if(
        text.begin(), text.end(), [](char c) { return c == '\r' || c == '\n' || c == '\0'; }, ' ');
    out_.append(text);
    bytes_.clear();
  }

  std::string out_;
  std::string_view charset_;
  std::string bytes_;
  std::string base64_;
};

bool all_blank(std::string_view text) {
  return std::all_of(text.begin(), text.end(), is_space);
}

bool is_plain(char c) {
  return (c >= ' ' && c <= '~') || c == '\t';
}

bool needs_encoding(std::string_view word) {
  return word.size() > kLongestBareWord || word.find("=?") != std::string_view::npos ||
         !std::all_of(word.begin(), word.end(), is_plain);
}

// Safe in a phrase too (RFC 2047 §5 (3)).
bool is_q_safe(char c) {
  return is_letter(c) || is_digit(c) || c == '!' || c == '*' || c == '+' || c == '-' || c == '/';
}

std::size_t q_width(std::string_view character) {
  if (character.size() > 1) return character.size() * 3;
  return character[0] == ' ' || is_q_safe(character[0]) ? 1 : 3;
}

void append_q(std::string& out, std::string_view bytes) {
  for (char c : bytes) {
    if (c == ' ') {
      out.push_back('_');
    } else if (is_q_safe(c)) {
      out.push_back(c);
    } else {
      out += fmt::format("={:02X}", static_cast<unsigned char>(c));
    }
  }
}

// `text` is valid UTF-8. Words end between characters (RFC 2047 §5).
void append_encoded(std::string& out, std::string_view text) {
  std::size_t q_size = 0;
  for (std::size_t i = 0; i < text.size();) {
    std::size_t length = next_code_point(text.substr(i)).length;
    q_size += q_width(text.substr(i, length));
    i += length;
  }
  bool base64 = q_size > text.size() * 4 / 3 + 4;
  const std::size_t room = kWordOctets - 12;  // "=?utf-8?X?" and "?="
  while (!text.empty()) {
    std::size_t taken = 0;
    std::size_t width = 0;
    while (taken < text.size()) {
      std::size_t length = next_code_point(text.substr(taken)).length;
      std::size_t next = base64 ? (taken + length + 2) / 3 * 4 : width + q_width(text.substr(taken, length));
      if (next > room) break;
      width = next;
      taken += length;
    }
    out.append(base64 ? "=?utf-8?B?" : "=?utf-8?Q?");
    if (base64) {
      out.append(encode_base64(text.substr(0, taken)));
    } else {
      append_q(out, text.substr(0, taken));
    }
    out.append("?=");
    text.remove_prefix(taken);
    if (!text.empty()) out.push_back(' ');
  }
}

}  // namespace

std::string decode_encoded_words(std::string_view unfolded) {
  Decoder decoder;
  bool after_word = false;
  bool ends_left = true;
  std::size_t plain = 0;  // where the text begins that is not yet given on
  std::size_t at = 0;
  while (ends_left && (at = unfolded.find("=?", at)) != std::string_view::npos) {
    auto word = match_word(unfolded.substr(at), ends_left);
    if (!word) {
      at += 2;
      continue;
    }
    std::string_view before = unfolded.substr(plain, at - plain);
    if (!before.empty() && !(after_word && all_blank(before))) decoder.text(before);
    decoder.word(*word);
    after_word = true;
    at += word->length;
    plain = at;
  }
  if (plain < unfolded.size()) decoder.text(unfolded.substr(plain));
  return decoder.finish();
}

std::string encode_words(std::string_view utf8) {
  std::string clean = is_valid_utf8(utf8) ? std::string() : guess_utf8(utf8);
  std::string_view text = clean.empty() ? utf8 : std::string_view(clean);
  // From the first word that needs it to the last all is encoded, with the blanks between: those between two encoded
  // words would be lost.
  std::size_t begin = text.size();
  std::size_t end = 0;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t word_begin = text.find_first_not_of(" \t", at);
    if (word_begin == std::string_view::npos) break;
    std::size_t word_end = std::min(text.find_first_of(" \t", word_begin), text.size());
    if (needs_encoding(text.substr(word_begin, word_end - word_begin))) {
      begin = std::min(begin, word_begin);
      end = word_end;
    }
    at = word_end;
  }
  if (end == 0) return std::string(text);
  std::string out(text.substr(0, begin));
  append_encoded(out, text.substr(begin, end - begin));
  out.append(text.substr(end));
  return out;
}

}  // namespace mailstead::mail
