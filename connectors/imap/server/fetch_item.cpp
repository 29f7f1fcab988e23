#include "connectors/imap/server/fetch_item.h"

#include <algorithm>

#include "connectors/imap/codec/syntax.h"
#include "connectors/imap/server/arguments.h"
#include "mail/ascii.h"

namespace mailstead::imap {
namespace {

using Kind = FetchItem::Kind;
using Text = Section::Text;

constexpr std::size_t kMaxItems = 100;
constexpr std::size_t kMaxFields = 1000;

struct Named {
  std::string_view name;
  Kind kind;
};
constexpr Named kSimple[] = {
    {"FLAGS", Kind::kFlags},      {"UID", Kind::kUid},           {"INTERNALDATE", Kind::kInternalDate},
    {"RFC822.SIZE", Kind::kSize}, {"ENVELOPE", Kind::kEnvelope}, {"BODYSTRUCTURE", Kind::kBodyStructure},
    {"MODSEQ", Kind::kModSeq},    {"EMAILID", Kind::kEmailId},   {"THREADID", Kind::kThreadId},
    {"SAVEDATE", Kind::kSaveDate}};

struct OldForm {
  std::string_view name;
  Text text;
  bool peek;
};
constexpr OldForm kOldForms[] = {
    {"RFC822", Text::kAll, false}, {"RFC822.HEADER", Text::kHeader, true}, {"RFC822.TEXT", Text::kText, false}};

FetchItem simple(Kind kind, std::string_view label) {
  FetchItem item;
  item.kind = kind;
  item.label = label;
  return item;
}

void read_fields(Cursor& cursor, Section& section) {
  cursor.expect_space();
  cursor.expect_list([&] {
    if (section.fields.size() >= kMaxFields) reject("too many header fields");
    section.fields.push_back(cursor.expect_astring());
  });
  if (section.fields.empty()) reject("expected at least one header field");
}

void read_section_text(Cursor& cursor, Section& section) {
  std::string name = read_item_name(cursor);
  if (name == "HEADER") {
    section.text = Text::kHeader;
  } else if (name == "HEADER.FIELDS") {
    section.text = Text::kHeaderFields;
  } else if (name == "HEADER.FIELDS.NOT") {
    section.text = Text::kHeaderFieldsNot;
  } else if (name == "TEXT") {
    section.text = Text::kText;
  } else if (name == "MIME" && !section.path.empty()) {
    section.text = Text::kMime;
  } else {
    reject("unknown section");
  }
  if (section.text == Text::kHeaderFields || section.text == Text::kHeaderFieldsNot) read_fields(cursor, section);
}

// RFC 3516: the number of a part, or nothing.
Section read_part_number(Cursor& cursor) {
  Section section;
  while (mail::is_digit(cursor.peek())) {
    auto number = cursor.expect_number(UINT32_MAX);
    if (number == 0 || section.path.size() >= mail::kMaxListDepth) reject("not a part number");
    section.path.push_back(static_cast<std::uint32_t>(number));
    if (!cursor.try_char('.')) break;
    if (cursor.peek() == ']') reject("expected a section behind the point");
  }
  return section;
}

// Behind "[": up to and with "]".
Section read_section(Cursor& cursor) {
  Section section = read_part_number(cursor);
  if (cursor.peek() != ']') read_section_text(cursor, section);
  cursor.expect_char(']');
  return section;
}

void append_section(std::string& out, const Section& section) {
  out += '[';
  for (std::size_t i = 0; i < section.path.size(); ++i) {
    if (i > 0) out += '.';
    out += std::to_string(section.path[i]);
  }
  if (section.text != Text::kAll && !section.path.empty()) out += '.';
  switch (section.text) {
    case Text::kAll: break;
    case Text::kHeader: out += "HEADER"; break;
    case Text::kHeaderFields: out += "HEADER.FIELDS"; break;
    case Text::kHeaderFieldsNot: out += "HEADER.FIELDS.NOT"; break;
    case Text::kMime: out += "MIME"; break;
    case Text::kText: out += "TEXT"; break;
  }
  for (std::size_t i = 0; i < section.fields.size(); ++i) {
    out += i == 0 ? " (" : " ";
    append_astring(out, section.fields[i]);
  }
  if (!section.fields.empty()) out += ')';
  out += ']';
}

void read_partial(Cursor& cursor, FetchItem& item) {
  if (!cursor.try_char('<')) return;
  item.partial = true;
  item.start = cursor.expect_number(UINT32_MAX);
  cursor.expect_char('.');
  item.count = cursor.expect_number(UINT32_MAX);
  if (item.count == 0) reject("a part of zero octets");
  cursor.expect_char('>');
  item.label += '<' + std::to_string(item.start) + '>';
}

FetchItem read_binary(Cursor& cursor, const std::string& name) {
  FetchItem item = name == "BINARY.SIZE" ? simple(Kind::kBinarySize, name) : simple(Kind::kBinary, "BINARY");
  item.peek = name != "BINARY";
  cursor.expect_char('[');
  item.section = read_part_number(cursor);
  cursor.expect_char(']');
  append_section(item.label, item.section);
  if (item.kind == Kind::kBinary) read_partial(cursor, item);
  return item;
}

// RFC 8970: PREVIEW or PREVIEW (LAZY). Ours costs a client of either kind the same wait.
FetchItem read_preview(Cursor& cursor) {
  FetchItem item = simple(Kind::kPreview, "PREVIEW");
  item.peek = true;
  // Another list behind it is that of FETCH itself.
  Cursor ahead = cursor;
  if (ahead.try_char(' ') && ahead.try_char('(') && ahead.try_word("LAZY") && ahead.try_char(')')) cursor = ahead;
  return item;
}

FetchItem read_item(Cursor& cursor, const std::string& name) {
  if (name == "PREVIEW") return read_preview(cursor);
  if (name == "BINARY" || name == "BINARY.PEEK" || name == "BINARY.SIZE") return read_binary(cursor, name);
  for (const Named& known : kSimple) {
    if (known.name == name) return simple(known.kind, known.name);
  }
  for (const OldForm& old : kOldForms) {
    if (old.name != name) continue;
    FetchItem item = simple(Kind::kSection, old.name);
    item.section.text = old.text;
    item.peek = old.peek;
    return item;
  }
  if (name != "BODY" && name != "BODY.PEEK") reject("unknown FETCH item");
  if (!cursor.try_char('[')) {
    if (name != "BODY") reject("expected a section");
    return simple(Kind::kBody, "BODY");
  }
  FetchItem item = simple(Kind::kSection, "BODY");
  item.peek = name == "BODY.PEEK";
  item.section = read_section(cursor);
  append_section(item.label, item.section);
  read_partial(cursor, item);
  return item;
}

std::vector<FetchItem> macro(const std::string& name) {
  std::vector<FetchItem> items;
  if (name != "FAST" && name != "ALL" && name != "FULL") return items;
  items = {simple(Kind::kFlags, "FLAGS"), simple(Kind::kInternalDate, "INTERNALDATE"),
           simple(Kind::kSize, "RFC822.SIZE")};
  if (name != "FAST") items.push_back(simple(Kind::kEnvelope, "ENVELOPE"));
  if (name == "FULL") items.push_back(simple(Kind::kBody, "BODY"));
  return items;
}

// Of two that are answered alike one remains; \Seen is set if either would.
void add_item(std::vector<FetchItem>& items, FetchItem item) {
  auto same = std::find_if(items.begin(), items.end(), [&](const FetchItem& other) {
    return other.kind == item.kind && other.label == item.label && other.count == item.count;
  });
  if (same == items.end()) {
    items.push_back(std::move(item));
  } else {
    same->peek = same->peek && item.peek;
  }
}

}  // namespace

FetchItem modseq_item() {
  return simple(Kind::kModSeq, "MODSEQ");
}

std::vector<FetchItem> read_fetch_items(Cursor& cursor) {
  std::vector<FetchItem> items;
  if (cursor.peek() == '(') {
    std::size_t count = 0;
    cursor.expect_list([&] {
      if (++count > kMaxItems) reject("too many items");
      std::string name = read_item_name(cursor);
      add_item(items, read_item(cursor, name));
    });
    if (items.empty()) reject("expected at least one item");
    return items;
  }
  std::string name = read_item_name(cursor);
  items = macro(name);
  if (items.empty()) items.push_back(read_item(cursor, name));
  return items;
}

}  // namespace mailstead::imap
