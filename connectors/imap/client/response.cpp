#include "connectors/imap/client/response.h"

#include <array>
#include <utility>

#include "connectors/imap/codec/cursor.h"
#include "mail/ascii.h"
#include "mail/escape.h"
#include "mail/failure.h"

namespace mailstead::imap {
namespace {

constexpr std::array<std::pair<std::string_view, Status>, 5> kStatuses{{{"OK", Status::kOk},
                                                                        {"NO", Status::kNo},
                                                                        {"BAD", Status::kBad},
                                                                        {"BYE", Status::kBye},
                                                                        {"PREAUTH", Status::kPreauth}}};

[[noreturn]] void not_a_response(std::string_view line) {
  throw mail::Failure(mail::FailureKind::kProtocol, mail::FailureScope::kSession,
                      "the server sent what is no IMAP response: \"" + mail::printable(line, 80) + "\"");
}

std::optional<Status> try_status(Cursor& cursor) {
  for (const auto& [word, status] : kStatuses) {
    if (cursor.try_word(word)) return status;
  }
  return std::nullopt;
}

// "[CODE arguments] text". A code that does not end is taken as text.
void read_text(std::string_view rest, Response& response) {
  rest = mail::trim(rest);
  response.text = rest;
  if (rest.empty() || rest.front() != '[') return;
  std::size_t close = rest.find(']');
  if (close == std::string_view::npos) return;
  std::string_view inside = rest.substr(1, close - 1);
  std::size_t blank = std::min(inside.find(' '), inside.size());
  response.code = inside.substr(0, blank);
  response.arguments = mail::trim(inside.substr(blank));
  response.text = mail::trim(rest.substr(close + 1));
}

Response untagged(Cursor& cursor, std::string_view line) {
  Response response;
  cursor.skip_spaces();
  if (auto status = try_status(cursor)) {
    response.kind = Response::Kind::kStatus;
    response.status = *status;
    read_text(cursor.rest(), response);
    return response;
  }
  if (mail::is_digit(cursor.peek()) || cursor.peek() == '-') {
    response.number = static_cast<std::uint32_t>(cursor.expect_number(UINT32_MAX));
    if (!cursor.skip_spaces()) not_a_response(line);
  }
  auto word = cursor.try_atom();
  if (!word) not_a_response(line);
  response.word = *word;
  cursor.skip_spaces();
  response.rest = cursor.rest();
  return response;
}

}  // namespace

bool same_word(std::string_view a, std::string_view b) noexcept {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (mail::lower(a[i]) != mail::lower(b[i])) return false;
  }
  return true;
}

bool Response::is_data(std::string_view name) const noexcept {
  return kind == Kind::kData && same_word(word, name);
}

bool Response::has_code(std::string_view name) const noexcept {
  return same_word(code, name);
}

Response parse_response(std::string_view line) {
  Cursor cursor(line);
  if (cursor.try_char('+')) {
    // QUIRK: several servers, fdm CHANGES 2015-11-12: "+" without the blank.
    Response response;
    response.kind = Response::Kind::kContinuation;
    response.text = mail::trim(cursor.rest());
    return response;
  }
  if (cursor.try_char('*')) {
    if (cursor.peek() != ' ') not_a_response(line);
    return untagged(cursor, line);
  }
  Response response;
  auto tag = cursor.try_atom();
  if (!tag || !cursor.skip_spaces()) not_a_response(line);
  auto status = try_status(cursor);
  // QUIRK: any, fetchmail NEWS 6.5: "BYE" as the tagged reply to LOGOUT.
  if (!status || *status == Status::kPreauth) not_a_response(line);
  response.kind = Response::Kind::kTagged;
  response.tag = *tag;
  response.status = *status;
  read_text(cursor.rest(), response);
  return response;
}

bool ends_in_text(std::string_view line) noexcept {
  if (line.starts_with('+')) return true;
  std::size_t blank = line.find(' ');
  if (blank == std::string_view::npos) return false;
  Cursor cursor(line.substr(blank));
  cursor.skip_spaces();
  return try_status(cursor).has_value();
}

}  // namespace mailstead::imap
