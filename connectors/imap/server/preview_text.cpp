#include "connectors/imap/server/preview_text.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "mail/ascii.h"
#include "mail/header.h"

namespace mailstead::imap {
namespace {

constexpr mail::ByteCount kRead = 16 * 1024;
constexpr std::size_t kCharacters = 200;  // RFC 8970 §3.2

const mail::Part* first_text(const mail::Part& part, std::string_view subtype) {
  if (part.is_message() || part.disposition == "attachment") return nullptr;
  if (part.type == "text") return part.subtype == subtype ? &part : nullptr;
  for (const mail::Part& child : part.children) {
    if (const mail::Part* found = first_text(child, subtype)) return found;
  }
  return nullptr;
}

void append_utf8(std::string& out, std::uint32_t code) {
  if (code < 0x20 || (code >= 0x7F && code < 0xA0) || (code >= 0xD800 && code < 0xE000) || code > 0x10FFFF) {
    out += ' ';
  } else if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xC0U | (code >> 6U));
    out += static_cast<char>(0x80U | (code & 0x3FU));
  } else if (code < 0x10000) {
    out += static_cast<char>(0xE0U | (code >> 12U));
    out += static_cast<char>(0x80U | ((code >> 6U) & 0x3FU));
    out += static_cast<char>(0x80U | (code & 0x3FU));
  } else {
    out += static_cast<char>(0xF0U | (code >> 18U));
    out += static_cast<char>(0x80U | ((code >> 12U) & 0x3FU));
    out += static_cast<char>(0x80U | ((code >> 6U) & 0x3FU));
    out += static_cast<char>(0x80U | (code & 0x3FU));
  }
}

constexpr std::pair<std::string_view, std::uint32_t> kEntities[] = {
    {"amp", '&'},    {"lt", '<'},      {"gt", '>'},       {"quot", '"'},     {"apos", '\''},    {"nbsp", ' '},
    {"shy", 0xAD},   {"copy", 0xA9},   {"euro", 0x20AC},  {"ndash", 0x2013}, {"mdash", 0x2014}, {"hellip", 0x2026},
    {"auml", 0xE4},  {"ouml", 0xF6},   {"uuml", 0xFC},    {"Auml", 0xC4},    {"Ouml", 0xD6},    {"Uuml", 0xDC},
    {"szlig", 0xDF}, {"eacute", 0xE9}, {"rsquo", 0x2019}, {"lsquo", 0x2018}, {"rdquo", 0x201D}, {"ldquo", 0x201C}};

// Behind "&": how long the entity is, with its ";"; 0 when it is none that we know.
std::size_t take_entity(std::string_view rest, std::string& out) {
  std::size_t end = rest.substr(0, 12).find(';');
  if (end == std::string_view::npos || end == 0) return 0;
  std::string_view name = rest.substr(0, end);
  if (name.front() == '#') {
    bool hexadecimal = name.size() > 1 && mail::lower(name[1]) == 'x';
    name.remove_prefix(hexadecimal ? 2 : 1);
    std::uint32_t code = 0;
    auto [used, error] = std::from_chars(name.data(), name.data() + name.size(), code, hexadecimal ? 16 : 10);
    if (error != std::errc() || used != name.data() + name.size() || name.empty()) return 0;
    append_utf8(out, code == 0xA0 ? ' ' : code);
    return end + 1;
  }
  for (const auto& [known, code] : kEntities) {
    if (known != name) continue;
    append_utf8(out, code);
    return end + 1;
  }
  return 0;
}

bool begins(std::string_view html, std::string_view tag) {
  return html.size() > tag.size() && mail::iequals(html.substr(0, tag.size()), tag) &&
         !mail::is_letter(html[tag.size()]);
}

// Where what begins with the tag at the front of `html` ends: elements nobody sees are left out whole.
std::size_t skip_tag(std::string_view html) {
  auto behind = [&](std::string_view end) {
    std::size_t at = html.find(end);
    return at == std::string_view::npos ? html.size() : at + end.size();
  };
  if (html.starts_with("<!--")) return behind("-->");
  for (std::string_view element : {"<script", "<style", "<title", "<head"}) {
    if (!begins(html, element)) continue;
    std::string closing = "</" + std::string(element.substr(1));
    for (std::size_t at = html.find("</"); at != std::string_view::npos; at = html.find("</", at + 2)) {
      if (begins(html.substr(at), closing)) return at + html.substr(at).find('>') + 1;
    }
    return html.size();
  }
  return behind(">");
}

// Blanks, line ends and controls become one blank each run; cut behind so many characters.
std::string condensed(std::string_view text) {
  std::string out;
  std::size_t characters = 0;
  bool gap = false;
  for (char c : text) {
    auto octet = static_cast<unsigned char>(c);
    if (octet <= ' ' || octet == 0x7F) {
      gap = !out.empty();
      continue;
    }
    bool begins_character = (octet & 0xC0U) != 0x80;
    if (begins_character && characters + (gap ? 2 : 1) > kCharacters) break;
    if (begins_character) characters += gap ? 2 : 1;
    if (std::exchange(gap, false)) out += ' ';
    out += c;
  }
  return out;
}

}  // namespace

std::string text_of_html(std::string_view html) {
  std::string out;
  for (std::size_t at = 0; at < html.size();) {
    if (html[at] == '<') {
      at += skip_tag(html.substr(at));
      out += ' ';
    } else if (html[at] == '&') {
      std::size_t length = take_entity(html.substr(at + 1), out);
      if (length == 0) out += '&';
      at += 1 + length;
    } else {
      out += html[at++];
    }
  }
  return out;
}

std::string preview_text(const mail::Content& content, const mail::Part& root) {
  const mail::Part* part = first_text(root, "plain");
  bool html = part == nullptr;
  if (html) part = first_text(root, "html");
  if (part == nullptr || part->body_offset >= content.size()) return {};
  mail::ByteCount size = std::min({part->body_size, kRead, content.size() - part->body_offset});
  std::string text = mail::decoded_body(*part, mail::read_range(content, part->body_offset, size));
  return condensed(html ? text_of_html(text) : text);
}

}  // namespace mailstead::imap
