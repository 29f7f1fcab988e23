#include "connectors/imap/server/search_match.h"

#include <algorithm>
#include <chrono>

#include "connectors/imap/server/object_id.h"
#include "mail/date.h"
#include "mail/encoded_word.h"
#include "mail/failure.h"
#include "mail/header.h"
#include "mail/searched_text.h"
#include "mail/unicode.h"

namespace mailstead::imap {
namespace {

using Kind = SearchKey::Kind;

bool contains(std::string_view utf8, const std::string& folded) {
  return folded.empty() || mail::fold_case(utf8).find(folded) != std::string::npos;
}

std::chrono::sys_days day_of(mail::WallTime time) {
  return std::chrono::floor<std::chrono::days>(time);
}

bool compare_days(Kind before, Kind on, Kind kind, mail::WallTime time, mail::WallTime wanted) {
  auto day = day_of(time), other = day_of(wanted);
  if (kind == before) return day < other;
  return kind == on ? day == other : day >= other;
}

const std::string& field_of(const mail::Envelope& envelope, Kind kind) {
  switch (kind) {
    case Kind::kFrom: return envelope.from;
    case Kind::kTo: return envelope.to;
    case Kind::kCc: return envelope.cc;
    case Kind::kBcc: return envelope.bcc;
    default: return envelope.subject;
  }
}

}  // namespace

void resolve(SearchKey& key, const MailboxView& view, mail::WallTime now, const storage::SearchIndex* index) {
  auto count = static_cast<std::uint32_t>(view.size());
  if (key.kind == Kind::kNumbers) key.numbers = key.numbers.resolved(count);
  if (key.kind == Kind::kUids) key.numbers = key.numbers.resolved(count == 0 ? 0 : view.entry(count - 1).uid);
  if (key.kind == Kind::kSaved) {
    key.kind = Kind::kUids;
    key.numbers = view.saved_result();
  }
  if (key.kind == Kind::kOlder || key.kind == Kind::kYounger) key.date = now - key.interval;
  if (index != nullptr && (key.kind == Kind::kText || key.kind == Kind::kBody)) {
    if (auto hits = index->find(key.text)) key.hits = std::make_shared<const storage::SearchHits>(std::move(*hits));
  }
  for (SearchKey& child : key.children) resolve(child, view, now, index);
}

bool SearchMatch::matches(const SearchKey& key) {
  auto child_matches = [this](const SearchKey& child) { return matches(child); };
  const storage::Entry& entry = view_.entry(position_);
  switch (key.kind) {
    case Kind::kAnd: return std::all_of(key.children.begin(), key.children.end(), child_matches);
    case Kind::kOr: return std::any_of(key.children.begin(), key.children.end(), child_matches);
    case Kind::kNot: return !matches(key.children.front());
    case Kind::kNumbers:
    case Kind::kUids: return matches_number(key);
    case Kind::kFlags: return (entry.flags & key.flags) == key.flags;
    case Kind::kKeyword: return view_.flags(position_).has_keyword(key.name);
    case Kind::kEmailId: return key.name == email_object_id(entry.content);
    case Kind::kThreadId: return false;
    case Kind::kRecent: return view_.recent(position_);
    case Kind::kLarger: return entry.size > key.size;
    case Kind::kSmaller: return entry.size < key.size;
    case Kind::kModSeq: return entry.modseq >= key.modseq;
    case Kind::kBefore:
    case Kind::kOn:
    case Kind::kSince: return compare_days(Kind::kBefore, Kind::kOn, key.kind, entry.internal_date, key.date);
    case Kind::kSavedBefore:
    case Kind::kSavedOn:
    case Kind::kSavedSince:
      return compare_days(Kind::kSavedBefore, Kind::kSavedOn, key.kind,
                          entry.saved == 0 ? entry.internal_date : mail::WallTime(std::chrono::seconds(entry.saved)),
                          key.date);
    case Kind::kOlder: return entry.internal_date <= key.date;
    case Kind::kYounger: return entry.internal_date >= key.date;
    case Kind::kSaved: return false;  // resolved before
    case Kind::kSentBefore:
    case Kind::kSentOn:
    case Kind::kSentSince: return matches_date(key);
    case Kind::kFrom:
    case Kind::kTo:
    case Kind::kCc:
    case Kind::kBcc:
    case Kind::kSubject: return matches_envelope(key);
    case Kind::kHeader: return matches_header(key);
    case Kind::kBody:
    case Kind::kText: return matches_text(key);
  }
  return false;
}

std::optional<bool> SearchMatch::matches_by_entry(const SearchKey& key) {
  const bool all = key.kind == Kind::kAnd;
  switch (key.kind) {
    case Kind::kAnd:
    case Kind::kOr: {
      bool open = false;
      for (const SearchKey& child : key.children) {
        const std::optional<bool> one = matches_by_entry(child);
        if (one == !all) return one;
        open = open || !one;
      }
      return open ? std::nullopt : std::optional(all);
    }
    case Kind::kNot: {
      const std::optional<bool> inner = matches_by_entry(key.children.front());
      return inner ? std::optional(!*inner) : std::nullopt;
    }
    case Kind::kBody:
    case Kind::kText: {
      const bool out = key.hits != nullptr && !key.hits->may_hold(view_.entry(position_).content);
      return out ? std::optional(false) : std::nullopt;
    }
    default: return cost_of(key) == 0 ? std::optional(matches(key)) : std::nullopt;
  }
}

bool SearchMatch::matches_number(const SearchKey& key) const {
  return key.numbers.contains(key.kind == Kind::kUids ? view_.entry(position_).uid
                                                      : static_cast<std::uint32_t>(position_ + 1));
}

// RFC 3501 §6.4.4: the day as the sender wrote it, disregarding time and zone.
bool SearchMatch::matches_date(const SearchKey& key) {
  const mail::Part* root = structure();
  if (root == nullptr || !root->envelope) return false;
  auto date = mail::parse_date(root->envelope->date);
  if (!date) return false;
  return compare_days(Kind::kSentBefore, Kind::kSentOn, key.kind, date->utc + std::chrono::minutes(date->zone_minutes),
                      key.date);
}

bool SearchMatch::matches_envelope(const SearchKey& key) {
  const mail::Part* root = structure();
  if (root == nullptr || !root->envelope) return false;
  const std::string& field = field_of(*root->envelope, key.kind);
  // An absent field contains nothing, not even the empty string.
  return !field.empty() && contains(mail::decode_encoded_words(field), key.text);
}

bool SearchMatch::matches_header(const SearchKey& key) {
  const mail::Part* root = structure();
  if (root == nullptr) return false;
  std::string bytes = read(0, std::min(root->body_offset, mail::kSearchedHeader));
  mail::HeaderBlock block = mail::HeaderBlock::parse(bytes);
  return std::any_of(block.fields().begin(), block.fields().end(), [&](const mail::HeaderField& field) {
    return mail::iequals(field.name, key.name) && contains(mail::decoded_value(field), key.text);
  });
}

bool SearchMatch::matches_text(const SearchKey& key) {
  const mail::Part* root = structure();
  if (root == nullptr) return false;
  const auto reader = [this](mail::ByteCount offset, mail::ByteCount size) { return read(offset, size); };
  const auto found = [&](std::string_view text) { return contains(text, key.text); };
  return key.kind == Kind::kText ? mail::visit_texts(*root, reader, found) : mail::visit_body(*root, reader, found);
}

const mail::Part* SearchMatch::structure() {
  if (!structure_tried_) {
    structure_tried_ = true;
    if (facts_ != nullptr && *facts_) structure_ = mail::decode_structure((*facts_)->structure);
  }
  return structure_ ? &*structure_ : nullptr;
}

const mail::Content* SearchMatch::content() {
  if (!content_tried_) {
    content_tried_ = true;
    try {
      content_ = contents_.open(view_.entry(position_).content);
    } catch (const mail::Failure& failure) {
      // One message that cannot be read must not hide the others; the disk's own trouble ends the search.
      if (failure.scope() != mail::FailureScope::kMessage) throw;
    }
  }
  return content_.get();
}

std::string SearchMatch::read(mail::ByteCount offset, mail::ByteCount size) {
  if (content() == nullptr || offset >= content_->size()) return {};
  std::string bytes = mail::read_range(*content_, offset, std::min(size, content_->size() - offset));
  read_ += bytes.size();
  return bytes;
}

}  // namespace mailstead::imap
