#include "connectors/imap/server/sort_keys.h"

#include <algorithm>
#include <utility>

#include "connectors/imap/server/arguments.h"
#include "connectors/imap/server/base_subject.h"
#include "connectors/imap/server/envelope_scan.h"
#include "mail/address.h"

namespace mailstead::imap {
namespace {

using Kind = SortCriterion::Kind;

constexpr std::size_t kComparedText = 512;

constexpr std::pair<std::string_view, Kind> kNames[] = {
    {"ARRIVAL", Kind::kArrival},
    {"CC", Kind::kCc},
    {"DATE", Kind::kDate},
    {"FROM", Kind::kFrom},
    {"SIZE", Kind::kSize},
    {"SUBJECT", Kind::kSubject},
    {"TO", Kind::kTo},
    {"DISPLAYFROM", Kind::kDisplayFrom},
    {"DISPLAYTO", Kind::kDisplayTo},
};

// What ENVELOPE shows as the first address of the field: of a group its name stands in `local`.
std::optional<mail::Address> first_address(const std::string& field) {
  mail::ParseLimits limits;
  limits.addresses = 1;
  auto addresses = mail::parse_addresses(field, limits);
  if (addresses.empty()) return std::nullopt;
  return std::move(addresses.front());
}

std::string local_part(const std::string& field) {
  auto address = first_address(field);
  return address ? address->local : std::string();
}

// RFC 5957 §3.
std::string display_name(const std::string& field) {
  auto address = first_address(field);
  if (!address) return {};
  if (std::string name = mail::decoded_name(*address); !name.empty()) return name;
  return address->domain.empty() ? address->local : address->local + '@' + address->domain;
}

std::string text_of(Kind kind, const mail::Envelope& envelope) {
  switch (kind) {
    case Kind::kCc: return local_part(envelope.cc);
    case Kind::kFrom: return local_part(envelope.from);
    case Kind::kTo: return local_part(envelope.to);
    case Kind::kSubject: return base_subject(envelope.subject).text;
    case Kind::kDisplayFrom: return display_name(envelope.from);
    case Kind::kDisplayTo: return display_name(envelope.to);
    default: return {};
  }
}

int compare(const SortKey& a, const SortKey& b) {
  if (a.number != b.number) return a.number < b.number ? -1 : 1;
  return a.text.compare(b.text);
}

bool is_before(const std::vector<SortCriterion>& criteria, const SortRow& a, const SortRow& b) {
  for (std::size_t i = 0; i < criteria.size(); ++i) {
    const int order = compare(a.keys[i], b.keys[i]);
    if (order != 0) return criteria[i].reverse ? order > 0 : order < 0;
  }
  return a.position < b.position;
}

}  // namespace

std::vector<SortCriterion> read_sort_criteria(Cursor& cursor) {
  std::vector<SortCriterion> criteria;
  bool reverse = false;
  cursor.expect_list([&] {
    std::string name = read_item_name(cursor);
    if (name == "REVERSE" && !reverse) {
      reverse = true;
      return;
    }
    const auto* known =
        std::find_if(std::begin(kNames), std::end(kNames), [&](const auto& row) { return row.first == name; });
    if (known == std::end(kNames)) reject("unknown criterion of SORT");
    if (std::any_of(criteria.begin(), criteria.end(),
                    [&](const SortCriterion& other) { return other.kind == known->second; }))
      reject("a criterion of SORT is repeated");
    criteria.push_back({known->second, std::exchange(reverse, false)});
  });
  if (criteria.empty() || reverse) reject("expected a criterion of SORT");
  return criteria;
}

std::size_t octets_of(const SortRow& row) {
  std::size_t octets = sizeof(row);
  for (const SortKey& key : row.keys) octets += sizeof(key) + key.text.size();
  return octets;
}

SortRow sort_row(const std::vector<SortCriterion>& criteria, std::uint32_t position, const storage::Entry& entry,
                 const mail::Envelope& envelope) {
  SortRow row{position, std::vector<SortKey>(criteria.size())};
  for (std::size_t i = 0; i < criteria.size(); ++i) {
    SortKey& key = row.keys[i];
    switch (criteria[i].kind) {
      case Kind::kArrival: key.number = entry.internal_date.time_since_epoch().count(); break;
      case Kind::kDate: key.number = sent_date(envelope, entry); break;
      case Kind::kSize: key.number = entry.size; break;
      default:
        key.text = collation_key(text_of(criteria[i].kind, envelope)).substr(0, kComparedText);
        key.text.shrink_to_fit();
    }
  }
  return row;
}

void sort_rows(const std::vector<SortCriterion>& criteria, std::vector<SortRow>& rows) {
  std::sort(rows.begin(), rows.end(), [&](const SortRow& a, const SortRow& b) { return is_before(criteria, a, b); });
}

}  // namespace mailstead::imap
