#include "connectors/imap/client/fetch_items.h"

#include "connectors/imap/codec/cursor.h"
#include "connectors/imap/codec/date_time.h"
#include "mail/ascii.h"
#include "mail/escape.h"
#include "mail/failure.h"

namespace mailstead::imap {
namespace {

using mail::Failure;
using mail::FailureKind;
using mail::FailureScope;

// "BODY[…]<0>" with what the brackets hold; "UID" without.
struct ItemName {
  std::string word;      // lower-case, without section
  bool section = false;  // had brackets
  bool whole = false;    // and nothing in them
};

ItemName read_name(Cursor& cursor) {
  std::string_view text = cursor.rest();
  std::size_t length = 0;
  while (length < text.size() && text[length] != ' ' && text[length] != '[' && text[length] != '(' &&
         text[length] != ')') {
    ++length;
  }
  ItemName name{mail::lowered(text.substr(0, length)), false, false};
  if (length == 0) (void)cursor.expect_atom();  // throws, saying where
  for (std::size_t i = 0; i < length; ++i) (void)cursor.try_char(text[i]);
  if (!cursor.try_char('[')) return name;
  name.section = true;
  name.whole = cursor.peek() == ']';
  while (!cursor.try_char(']')) {
    if (cursor.skip_spaces()) continue;
    // Section texts are atoms ("1.2.HEADER.FIELDS") and lists of header names.
    if (cursor.peek() == '(') {
      cursor.skip_value();
    } else {
      (void)cursor.expect_atom();
    }
  }
  if (cursor.try_char('<')) {
    (void)cursor.expect_number();
    cursor.expect_char('>');
  }
  return name;
}

bool is_whole_body(const ItemName& name) {
  if (name.section) return name.whole && (name.word == "body" || name.word == "binary");
  return name.word == "rfc822";
}

std::uint32_t read_uid(Cursor& cursor) {
  auto uid = cursor.try_number(UINT32_MAX);
  if (!uid || *uid == 0) {
    throw Failure(FailureKind::kProtocol, FailureScope::kFolder,
                  "the server gives a message the UID \"" + mail::printable(cursor.rest().substr(0, 24)) + "\"");
  }
  return static_cast<std::uint32_t>(*uid);
}

void read_flags(Cursor& cursor, FetchItems& items) {
  items.flags.emplace();
  for (const std::string& name : cursor.expect_flag_list()) items.flags->add(name);
}

void read_value(Cursor& cursor, const ItemName& name, FetchItems& items) {
  if (name.word == "uid" && !name.section) {
    items.uid = read_uid(cursor);
  } else if (name.word == "flags") {
    read_flags(cursor, items);
  } else if (name.word == "rfc822.size") {
    items.size = cursor.try_number();
    // QUIRK: mail.ru, MailKit#1838: "9.3736e+06" or NIL; -1 elsewhere. A size is a hint: unknown then.
    if (!items.size || (cursor.peek() != ' ' && cursor.peek() != ')')) {
      items.size.reset();
      if (cursor.peek() != ' ' && cursor.peek() != ')') cursor.skip_value();
    }
  } else if (name.word == "internaldate") {
    if (auto date = parse_date_time(cursor.expect_nstring().value_or(""))) items.internal_date = date->utc;
  } else if (is_whole_body(name)) {
    items.has_body = true;
    // QUIRK: Exchange, fetchmail imap.c:1328: NIL for an empty body; Yahoo, NEWS 6.3.19: "".
    items.body = cursor.expect_nstring();
  } else {
    cursor.skip_value();
  }
}

// Reads items until the list ends, or, when `up_to_literal`, the line does: answers then the name that waits for its
// value.
std::optional<ItemName> read_items(Cursor& cursor, FetchItems& items, bool up_to_literal) {
  cursor.expect_char('(');
  // QUIRK: CommuniGate, fdm 2008-04-03: extra blanks between items.
  cursor.skip_spaces();
  while (!cursor.try_char(')')) {
    ItemName name = read_name(cursor);
    cursor.skip_spaces();
    if (up_to_literal && cursor.at_end()) return name;
    read_value(cursor, name, items);
    bool blank = cursor.skip_spaces();
    if (!blank && cursor.peek() != ')') cursor.expect_char(')');
  }
  return std::nullopt;
}

}  // namespace

FetchItems decode_fetch(const Response& response) {
  FetchItems items;
  Cursor cursor(response.rest);
  (void)read_items(cursor, items, false);
  cursor.skip_spaces();
  cursor.expect_end();
  return items;
}

std::optional<FetchItems> body_begins(std::string_view line) {
  Response response = parse_response(line);
  if (!response.is_data("FETCH")) return std::nullopt;
  FetchItems items;
  Cursor cursor(response.rest);
  auto name = read_items(cursor, items, true);
  if (!name || !is_whole_body(*name)) return std::nullopt;
  return items;
}

}  // namespace mailstead::imap
