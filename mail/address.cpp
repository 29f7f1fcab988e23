#include "mail/address.h"

#include <algorithm>
#include <utility>

#include "mail/address_scanner.h"
#include "mail/ascii.h"
#include "mail/charset.h"
#include "mail/encoded_word.h"
#include "mail/header.h"
#include "mail/srs.h"

namespace mailstead::mail {
namespace {

using Token = AddressToken;
using Kind = AddressToken::Kind;

bool is_text(const Token& token) {
  return token.kind == Kind::kWord || token.kind == Kind::kQuoted || token.kind == Kind::kLiteral;
}
bool is_special(const Token& token, char c) {
  return token.kind == Kind::kSpecial && token.special == c;
}

// Tokens between two separators. Reused, so that a long list does not allocate for each.
class Tokens {
 public:
  void clear() { size_ = 0; }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] const Token& operator[](std::size_t i) const { return tokens_[i]; }
  void push(Token& token) {
    if (size_ == tokens_.size()) tokens_.emplace_back();
    std::swap(tokens_[size_++], token);
  }
  // [begin, end) as a display name: one blank where there was a gap.
  [[nodiscard]] std::string phrase(std::size_t begin, std::size_t end) const {
    std::string text;
    for (std::size_t i = begin; i < end; ++i) {
      if (i > begin && tokens_[i].gap_before) text.push_back(' ');
      text.append(tokens_[i].text);
    }
    return text;
  }
  // [begin, end) without the gaps, as in obsolete local parts and domains ("john . doe").
  [[nodiscard]] std::string joined(std::size_t begin, std::size_t end) const {
    std::string text;
    for (std::size_t i = begin; i < end; ++i) text.append(tokens_[i].text);
    return text;
  }
  // Whether a dot joins token i to the one before it, or nothing stands between.
  [[nodiscard]] bool joins(std::size_t i) const {
    const Token& before = tokens_[i - 1];
    const Token& token = tokens_[i];
    auto dotted = [](const Token& t, bool front) {
      return t.kind == Kind::kWord && (front ? t.text.front() : t.text.back()) == '.';
    };
    return is_text(before) && is_text(token) && (!token.gap_before || dotted(before, false) || dotted(token, true));
  }

 private:
  std::vector<Token> tokens_;
  std::size_t size_ = 0;
};

class ListParser {
 public:
  ListParser(std::string_view value, const ParseLimits& limits)
      : scanner_(value, limits.address_nesting), limit_(limits.addresses) {}

  std::vector<Address> parse() {
    while (list_.size() < limit_) {
      scanner_.next(token_);
      if (token_.kind == Kind::kEnd) break;
      if (token_.kind == Kind::kSpecial) {
        handle_special(token_.special);
      } else {
        tokens_.push(token_);
      }
    }
    if (list_.size() < limit_) end_element();
    if (in_group_) end_group();
    return std::move(list_);
  }

 private:
  void handle_special(char special) {
    switch (special) {
      case ',': end_element(); break;
      case ';':
        end_element();
        if (in_group_) end_group();
        break;
      case ':': begin_group(); break;
      case '<': read_angle(); break;
      default: tokens_.push(token_); break;
    }
  }

  void begin_group() {
    if (in_group_ || has_angle_ || tokens_.empty() || has_at()) {
      tokens_.push(token_);
      return;
    }
    Address begin;
    begin.kind = Address::Kind::kGroupBegin;
    begin.local = tokens_.phrase(0, tokens_.size());
    list_.push_back(std::move(begin));
    in_group_ = true;
    reset_element();
  }

  void end_group() {
    Address end;
    end.kind = Address::Kind::kGroupEnd;
    list_.push_back(std::move(end));
    in_group_ = false;
  }

  [[nodiscard]] bool has_at() const {
    for (std::size_t i = 0; i < tokens_.size(); ++i) {
      if (is_special(tokens_[i], '@')) return true;
    }
    return false;
  }

  // At "<": everything before is the display name, an "@" in it too.
  void read_angle() {
    std::string name = tokens_.phrase(0, tokens_.size());
    if (has_angle_) end_element();  // "<a@x> <b@x>": a comma was forgotten
    angle_.name = std::move(name);
    angle_.route.clear();
    tokens_.clear();
    has_angle_ = true;
    bool route = false;
    while (true) {
      scanner_.next(token_);
      if (token_.kind == Kind::kEnd || is_special(token_, '>')) break;
      if (is_special(token_, '@') && tokens_.empty()) route = true;
      if (is_special(token_, ':') && route) {
        angle_.route = tokens_.joined(0, tokens_.size());
        tokens_.clear();
        route = false;
        continue;
      }
      if ((is_special(token_, ',') && !route) || is_special(token_, ';')) break;  // never closed
      tokens_.push(token_);
    }
    angle_readable_ = read_addr_spec(0, tokens_.size(), angle_);
    tokens_.clear();
    if (is_special(token_, ',') || is_special(token_, ';')) handle_special(token_.special);
  }

  // [begin, end) as local@domain or local; false when it is neither.
  bool read_addr_spec(std::size_t begin, std::size_t end, Address& address) const {
    std::size_t at = end;
    for (std::size_t i = begin; i < end; ++i) {
      if (is_special(tokens_[i], '@')) {
        if (at != end) return false;
        at = i;
      } else if (!is_text(tokens_[i])) {
        return false;
      }
    }
    address.local = tokens_.joined(begin, at);
    address.domain = at < end ? tokens_.joined(at + 1, end) : std::string();
    return at == end || at > begin;
  }

  void end_element() {
    std::string comment = scanner_.take_comment();
    if (has_angle_) {
      if (angle_.name.empty()) angle_.name = std::move(comment);
      if (angle_readable_ && !(angle_.local.empty() && angle_.domain.empty() && angle_.name.empty())) {
        list_.push_back(std::move(angle_));
      }
      angle_ = Address();
    } else if (!tokens_.empty()) {
      end_bare(std::move(comment));
    }
    reset_element();
  }

  // Without angle brackets: "local@domain", perhaps with a name in front (wrong, but seen) or in a comment; or words.
  void end_bare(std::string comment) {
    std::size_t at = 0;
    while (at < tokens_.size() && !is_special(tokens_[at], '@')) ++at;
    Address address;
    if (at == tokens_.size()) {
      for (std::size_t i = 0; i < at; ++i) {
        if (!is_text(tokens_[i])) return;
      }
      address.local = tokens_.phrase(0, at);
      if (address.local.empty()) return;
      address.name = std::move(comment);
      list_.push_back(std::move(address));
      return;
    }
    std::size_t begin = at;
    while (begin > 0 && is_text(tokens_[begin - 1]) && (begin == at || tokens_.joins(begin))) --begin;
    std::size_t end = std::min(at + 2, tokens_.size());
    while (end < tokens_.size() && tokens_.joins(end)) ++end;
    if (end < tokens_.size() && is_special(tokens_[end], '@')) return;
    if (!read_addr_spec(begin, end, address)) return;
    if (begin == at) return;  // "@x" alone; an empty local part is written ""@x
    address.name = begin > 0 ? tokens_.phrase(0, begin) : std::move(comment);
    list_.push_back(std::move(address));
  }

  void reset_element() {
    tokens_.clear();
    has_angle_ = false;
    angle_readable_ = false;
    (void)scanner_.take_comment();
  }

  AddressScanner scanner_;
  std::size_t limit_;
  Token token_;
  Tokens tokens_;
  Address angle_;
  bool has_angle_ = false;
  bool angle_readable_ = false;
  bool in_group_ = false;
  std::vector<Address> list_;
};

bool is_atext(char c) {
  auto byte = static_cast<unsigned char>(c);
  return byte >= 0x80 || is_letter(c) || is_digit(c) ||
         (byte > ' ' && byte < 127 && std::string_view("!#$%&'*+-/=?^_`{|}~").find(c) != std::string_view::npos);
}

bool is_dot_atom(std::string_view text) {
  if (text.empty() || text.front() == '.' || text.back() == '.') return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '.' ? text[i - 1] == '.' : !is_atext(text[i])) return false;
  }
  return true;
}

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') out.push_back('\\');
    out.push_back(c);
  }
  out.push_back('"');
  return out;
}

// A quoted string of RFC 5321 §4.1.2, complete.
bool is_quoted_string(std::string_view text) noexcept {
  if (text.size() < 2 || text.front() != '"' || text.back() != '"') return false;
  text = text.substr(1, text.size() - 2);
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '"') return false;
    if (text[i] == '\\' && ++i == text.size()) return false;
  }
  return true;
}

bool has_control(std::string_view text) noexcept {
  return std::any_of(text.begin(), text.end(), [](char c) {
    auto byte = static_cast<unsigned char>(c);
    return byte < ' ' || byte == 127;
  });
}

bool is_envelope_domain(std::string_view domain) noexcept {
  if (domain.empty() || domain.size() > 255) return false;
  if (domain.front() == '[') {
    return domain.size() > 2 && domain.find_first_of("] \\[", 1) == domain.size() - 1 && domain.back() == ']';
  }
  for (char c : domain) {
    if (!is_letter(c) && !is_digit(c) && c != '-' && c != '.' && c != '_' && static_cast<unsigned char>(c) < 0x80) {
      return false;
    }
  }
  return is_dot_atom(domain);
}

// "phrase" of RFC 5322: atoms and blanks as they are, anything else quoted; not ASCII encoded.
std::string format_phrase(const std::string& name) {
  std::string words = encode_words(decode_encoded_words(name));
  bool plain = std::all_of(words.begin(), words.end(), [](char c) { return is_atext(c) || c == ' '; });
  if (plain) return words;
  std::string clean;
  for (char c : words) clean.push_back(static_cast<unsigned char>(c) < ' ' || c == 127 ? ' ' : c);
  return quoted(clean);
}

}  // namespace

std::string Address::addr_spec() const {
  if (kind != Kind::kMailbox) return {};
  std::string spec = is_dot_atom(local) ? local : quoted(local);
  if (!domain.empty()) spec.append("@").append(domain);
  return spec;
}

std::vector<Address> parse_addresses(std::string_view raw_value, const ParseLimits& limits) {
  return ListParser(raw_value, limits).parse();
}

constexpr std::size_t kMaxSrsLocalPart = 200;

bool is_envelope_local_part(std::string_view local) noexcept {
  // QUIRK: forwarders' SRS senders are longer than RFC 5321 §4.5.3.1.1 lets a local part be (postsrsd, libsrs2)
  const std::size_t most = has_srs_form(local) ? kMaxSrsLocalPart : 64;
  return local.size() <= most && !has_control(local) && is_valid_utf8(local) &&
         (is_dot_atom(local) || is_quoted_string(local));
}

bool is_envelope_address(std::string_view addr_spec) noexcept {
  if (addr_spec.size() > 2 && addr_spec.front() == '<' && addr_spec.back() == '>') {
    addr_spec = addr_spec.substr(1, addr_spec.size() - 2);
  }
  std::size_t at = addr_spec.rfind('@');
  if (at == std::string_view::npos || has_control(addr_spec) || !is_valid_utf8(addr_spec)) return false;
  return is_envelope_local_part(addr_spec.substr(0, at)) && is_envelope_domain(addr_spec.substr(at + 1));
}

std::string format_address(const Address& address) {
  if (address.kind == Address::Kind::kGroupEnd) return ";";
  if (address.kind == Address::Kind::kGroupBegin) return format_phrase(address.local) + ":";
  if (address.name.empty()) return address.addr_spec();
  return format_phrase(address.name) + " <" + address.addr_spec() + ">";
}

std::string format_addresses(const std::vector<Address>& list) {
  std::string out;
  bool separate = false;
  for (const Address& address : list) {
    if (address.kind == Address::Kind::kGroupEnd) {
      out.push_back(';');
      separate = true;
      continue;
    }
    if (separate) out.append(", ");
    if (!separate && !out.empty()) out.push_back(' ');  // behind the colon of a group
    out.append(format_address(address));
    separate = address.kind == Address::Kind::kMailbox;
  }
  return out;
}

std::string decoded_name(const Address& address) {
  return decode_encoded_words(address.name);
}

}  // namespace mailstead::mail
