#include "connectors/pop3/codec/reply.h"

#include "mail/ascii.h"
#include "mail/header.h"

namespace mailstead::pop3 {
namespace {

// The status word ends at a blank or at the end of the line: "+OKAY" is no reply.
bool starts_with_status(std::string_view line, std::string_view status) noexcept {
  return line.size() >= status.size() && mail::iequals(line.substr(0, status.size()), status) &&
         (line.size() == status.size() || mail::is_blank(line[status.size()]));
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
    reply.text = mail::trim(line.substr(3));
  } else if (starts_with_status(line, "-ERR")) {
    reply.kind = ReplyKind::kError;
    reply.text = mail::trim(line.substr(4));
  } else if (line == "+" || (line.size() > 1 && line[0] == '+' && mail::is_blank(line[1]))) {
    return Reply{ReplyKind::kContinuation, {}, mail::trim(line.substr(1))};
  } else {
    return std::nullopt;
  }
  split_code(reply);
  return reply;
}

}  // namespace mailstead::pop3
