#include "connectors/imap/client/folder.h"

#include <algorithm>
#include <array>
#include <utility>

#include "connectors/imap/client/response.h"
#include "connectors/imap/codec/cursor.h"
#include "connectors/imap/codec/mailbox_name.h"
#include "mail/ascii.h"
#include "mail/failure.h"

namespace mailstead::imap {
namespace {

// RFC 6154 §2, RFC 8457 §3, and what Gmail called them before.
constexpr std::array<std::pair<std::string_view, std::string_view>, 11> kSpecialUses{{{"\\all", "\\All"},
                                                                                      {"\\archive", "\\Archive"},
                                                                                      {"\\drafts", "\\Drafts"},
                                                                                      {"\\flagged", "\\Flagged"},
                                                                                      {"\\important", "\\Important"},
                                                                                      {"\\junk", "\\Junk"},
                                                                                      {"\\sent", "\\Sent"},
                                                                                      {"\\trash", "\\Trash"},
                                                                                      {"\\allmail", "\\All"},
                                                                                      {"\\spam", "\\Junk"},
                                                                                      {"\\starred", "\\Flagged"}}};

void take_attribute(Folder& folder, const std::string& attribute) {
  std::string name = mail::lowered(attribute);
  if (name == "\\noselect" || name == "\\nonexistent") folder.selectable = false;
  if (name == "\\subscribed") folder.subscribed = true;
  for (const auto& [word, use] : kSpecialUses) {
    if (name == word && !folder.has_use(use)) folder.special_uses.emplace_back(use);
  }
}

char read_delimiter(Cursor& cursor) {
  auto text = cursor.expect_nstring();
  return text && text->size() == 1 ? text->front() : '\0';
}

std::string read_name(Cursor& cursor) {
  Cursor attempt = cursor;
  try {
    std::string name = attempt.expect_astring();
    attempt.skip_spaces();
    // Behind it may stand extended data (RFC 5258 §3.5: CHILDINFO, OLDNAME).
    if (attempt.at_end() || attempt.peek() == '(') return name;
  } catch (const mail::Failure&) {
  }
  // QUIRK: Exchange, getmail _retrieverbases.py:361: a name with blanks and without its opening quote.
  std::string_view bare = mail::trim(cursor.rest());
  if (bare.starts_with('"')) bare.remove_prefix(1);
  if (bare.ends_with('"')) bare.remove_suffix(1);
  return std::string(bare);
}

}  // namespace

bool Folder::has_use(std::string_view use) const noexcept {
  return std::any_of(special_uses.begin(), special_uses.end(),
                     [&](const std::string& one) { return same_word(one, use); });
}

std::string wire_name(const std::string& name, bool utf8) {
  return utf8 ? name : to_modified_utf7(name);
}

Folder folder_named(const std::string& name, bool utf8) {
  Folder folder;
  folder.name = same_word(name, "INBOX") ? "INBOX" : name;
  folder.wire = wire_name(folder.name, utf8);
  return folder;
}

std::optional<Folder> decode_list(std::string_view rest, bool utf8) {
  Cursor cursor(rest);
  Folder folder;
  try {
    for (const std::string& attribute : cursor.expect_flag_list()) take_attribute(folder, attribute);
    cursor.skip_spaces();
    folder.delimiter = read_delimiter(cursor);
    cursor.skip_spaces();
    folder.wire = read_name(cursor);
  } catch (const mail::Failure&) {
    return std::nullopt;
  }
  if (folder.wire.empty() || folder.wire.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos) {
    return std::nullopt;
  }
  if (!folder.special_uses.empty()) folder.special_use = folder.special_uses.front();
  // Servers that send raw UTF-8, or text that only looks like the encoding, are taken at their word.
  folder.name = utf8 ? folder.wire : from_modified_utf7(folder.wire).value_or(folder.wire);
  if (same_word(folder.name, "INBOX")) folder.name = "INBOX";
  return folder;
}

}  // namespace mailstead::imap
