#include "connectors/imap/server/arguments.h"

#include "connectors/imap/codec/mailbox_name.h"
#include "connectors/imap/codec/syntax.h"
#include "mail/ascii.h"
#include "mail/charset.h"
#include "mail/escape.h"
#include "mail/failure.h"
#include "mail/header.h"
#include "storage/mail_store.h"

namespace mailstead::imap {
namespace {

constexpr std::string_view kInbox = "INBOX";
constexpr std::size_t kMaxPattern = 1024;  // octets

template <typename Predicate>
std::string take_while(Cursor& cursor, Predicate inside) {
  std::string taken;
  while (!cursor.at_end() && inside(cursor.peek())) {
    taken += cursor.peek();
    if (!cursor.try_char(cursor.peek())) break;
  }
  return taken;
}

void add_flag(mail::Flags& flags, const std::string& name) {
  // \Recent is ours alone; clients that copy it from another server mean no harm.
  if (mail::iequals(name, "\\Recent")) return;
  if (!flags.add(name)) reject("\"" + mail::printable(name, 64) + "\" is no flag");
}

}  // namespace

void reject(std::string text) {
  throw mail::Failure(mail::FailureKind::kProtocol, mail::FailureScope::kSession, std::move(text));
}

namespace {

std::string mailbox_from_wire(std::string_view wire, const Enabled& enabled) {
  auto decoded = enabled.utf8_names() ? std::nullopt : from_modified_utf7(wire);
  // QUIRK: some clients send UTF-8 as it is (RFC 9051 does).
  std::string name = decoded ? *decoded : std::string(wire);
  if (!mail::is_valid_utf8(name)) reject("the mailbox name is neither modified UTF-7 nor UTF-8");
  std::string_view first = std::string_view(name).substr(0, name.find(storage::kHierarchyDelimiter));
  if (mail::iequals(first, kInbox)) name.replace(0, kInbox.size(), kInbox);
  return name;
}

}  // namespace

std::string read_mailbox(Cursor& cursor, const Enabled& enabled) {
  return mailbox_from_wire(cursor.expect_astring(), enabled);
}

void append_mailbox(std::string& out, std::string_view name, const Enabled& enabled) {
  if (!enabled.utf8_names()) return append_string(out, to_modified_utf7(name));
  // The store's names hold neither controls nor broken UTF-8: a quoted string carries them (RFC 6855 §3).
  out += '"';
  for (char c : name) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  out += '"';
}

std::string read_list_pattern(Cursor& cursor, const Enabled& enabled) {
  if (auto text = cursor.try_string()) return mailbox_from_wire(*text, enabled);
  std::string atom = take_while(cursor, [](char c) {
    return is_astring_char(c) || c == '*' || c == '%' || static_cast<unsigned char>(c) >= 128;
  });
  if (atom.empty()) reject("expected a mailbox pattern");
  return mailbox_from_wire(atom, enabled);
}

std::string join_pattern(std::string_view reference, std::string_view pattern) {
  if (reference.size() + pattern.size() > kMaxPattern) reject("too long a mailbox pattern");
  std::string joined;
  for (std::string_view piece : {reference, pattern}) {
    for (char c : piece) {
      if ((c == '*' || c == '%') && joined.ends_with(c)) continue;
      joined += c;
    }
  }
  return joined;
}

SequenceSet read_sequence_set(Cursor& cursor) {
  auto set = SequenceSet::parse(
      take_while(cursor, [](char c) { return mail::is_digit(c) || c == ':' || c == '*' || c == ','; }));
  if (!set) reject("expected a set of message numbers");
  return std::move(*set);
}

mail::Flags read_flag_list(Cursor& cursor) {
  mail::Flags flags;
  for (const std::string& name : cursor.expect_flag_list()) add_flag(flags, name);
  return flags;
}

mail::Flags read_flags(Cursor& cursor) {
  mail::Flags flags;
  if (cursor.peek() == '(') {
    flags = read_flag_list(cursor);
  } else {
    do {
      add_flag(flags, take_while(cursor, [](char c) { return c != ' '; }));
    } while (cursor.try_char(' '));
  }
  cursor.expect_end();
  return flags;
}

std::string read_item_name(Cursor& cursor) {
  std::string name =
      take_while(cursor, [](char c) { return mail::is_letter(c) || mail::is_digit(c) || c == '.' || c == '-'; });
  for (char& c : name) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - ('a' - 'A'));
  }
  return name;
}

}  // namespace mailstead::imap
