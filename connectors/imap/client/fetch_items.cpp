#include "connectors/imap/client/fetch_items.h"

#include "connectors/imap/codec/cursor.h"
#include "connectors/imap/codec/date_time.h"
#include "mail/ascii.h"
#include "mail/escape.h"
#include "mail/failure.h"
#include "mail/fingerprint.h"
#include "mail/header.h"

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
  bool fields = false;   // HEADER.FIELDS in them
};

constexpr std::size_t kMaxLabels = 200;
constexpr std::size_t kMaxIdentity = 255;  // RFC 8474 §4: an objectid

ItemName read_name(Cursor& cursor) {
  std::string_view text = cursor.rest();
  std::size_t length = 0;
  while (length < text.size() && text[length] != ' ' && text[length] != '[' && text[length] != '(' &&
         text[length] != ')') {
    ++length;
  }
  ItemName name;
  name.word = mail::lowered(text.substr(0, length));
  if (length == 0) (void)cursor.expect_atom();  // throws, saying where
  for (std::size_t i = 0; i < length; ++i) (void)cursor.try_char(text[i]);
  if (!cursor.try_char('[')) return name;
  name.section = true;
  name.whole = cursor.peek() == ']';
  name.fields = mail::lowered(cursor.rest().substr(0, 13)) == "header.fields";
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
    name.whole = name.fields = false;  // a part, whose length is anybody's guess
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

// "X-GM-MSGID 12" or "EMAILID (M6d99)"; anything else is no identity.
void read_identity(Cursor& cursor, bool in_list, FetchItems& items) {
  // QUIRK: Gmail, fdm CHANGES 2016-02-18: X-GM items may come without a value.
  if (cursor.at_end() || cursor.peek() == ')') return;
  if (in_list && !cursor.try_char('(')) return cursor.skip_value();
  std::string_view id = cursor.expect_atom();
  if (!id.empty() && id.size() <= kMaxIdentity && id != "NIL") items.identity = std::string(id);
  if (in_list) cursor.expect_char(')');
}

void read_labels(Cursor& cursor, FetchItems& items) {
  if (cursor.at_end() || cursor.peek() == ')') return;
  if (cursor.peek() != '(') return cursor.skip_value();
  items.labels.emplace();
  cursor.expect_list([&] {
    if (cursor.peek() == '(') return cursor.skip_value();
    // System labels come as flags ("\\Inbox"), quoted or not.
    std::string label;
    if (cursor.try_char('\\')) label = '\\';
    label += cursor.expect_astring();
    if (items.labels->size() < kMaxLabels) items.labels->push_back(std::move(label));
  });
}

void read_header_fields(Cursor& cursor, FetchItems& items) {
  auto text = cursor.expect_nstring();
  items.message_id = mail::message_id_of(mail::HeaderBlock::parse(text ? std::string_view(*text) : ""));
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
  } else if (name.word == "body" && name.fields) {
    read_header_fields(cursor, items);
  } else if (name.word == "x-gm-msgid" || name.word == "emailid") {
    read_identity(cursor, name.word == "emailid", items);
  } else if (name.word == "x-gm-labels") {
    read_labels(cursor, items);
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
  try {
    auto name = read_items(cursor, items, true);
    if (!name || !is_whole_body(*name)) return std::nullopt;
  } catch (const Failure&) {
    // A literal inside a list (a label): the line is judged when it is whole.
    if (cursor.at_end()) return std::nullopt;
    throw;
  }
  return items;
}

}  // namespace mailstead::imap
