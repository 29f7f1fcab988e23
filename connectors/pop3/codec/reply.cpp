#include "connectors/pop3/codec/reply.h"

#include "mail/ascii.h"
#include "mail/header.h"

namespace mailstead::pop3 {
namespace {

// The status word ends at a blank or at the end of the line: "+OKAY" is no reply.
// QUIRK: servers that write "+OK, …", "-ERR: …" or "+OK[…" (fetchmail takes them): any octet but a letter or digit ends
// it
bool starts_with_status(std::string_view line, std::string_view status) noexcept {
  if (line.size() < status.size() || !mail::iequals(line.substr(0, status.size()), status)) return false;
  if (line.size() == status.size()) return true;
  char next = line[status.size()];
  return !mail::is_letter(next) && !mail::is_digit(next);
}

// What follows the status word, without the punctuation that a sloppy server put there.
std::string_view text_behind(std::string_view line, std::size_t status) noexcept {
  line.remove_prefix(status);
  if (!line.empty() && (line.front() == ',' || line.front() == ':' || line.front() == '-')) line.remove_prefix(1);
  return mail::trim(line);
}

// RFC 2449 §8: "[" 1*(%x21-5C / %x5E-7F) "]" as the first thing of the text.
void split_code(Reply& reply) noexcept {
  if (reply.text.empty() || reply.text.front() != '[') return;
  std::size_t end = reply.text.find(']');
  if (end == std::string_view::npos) return;
  std::string_view code = reply.text.substr(1, end - 1);
  for (char c : code) {
    if (c <= ' ') return;
  }
  reply.code = code;
  reply.text = mail::trim(reply.text.substr(end + 1));
}

}  // namespace

bool Reply::has_code(std::string_view name) const noexcept {
  if (name.empty() || code.size() < name.size() || !mail::iequals(code.substr(0, name.size()), name)) return false;
  return code.size() == name.size() || code[name.size()] == '/';
}

std::optional<Reply> parse_reply(std::string_view line) noexcept {
  Reply reply;
  if (starts_with_status(line, "+OK")) {
    reply.text = text_behind(line, 3);
  } else if (starts_with_status(line, "-ERR")) {
    reply.kind = ReplyKind::kError;
    reply.text = text_behind(line, 4);
  } else if (line == "+" || (line.size() > 1 && line[0] == '+' && mail::is_blank(line[1]))) {
    return Reply{ReplyKind::kContinuation, {}, mail::trim(line.substr(1))};
  } else {
    return std::nullopt;
  }
  split_code(reply);
  return reply;
}

}  // namespace mailstead::pop3
