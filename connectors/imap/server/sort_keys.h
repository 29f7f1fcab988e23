// The criteria of SORT (RFC 5256 §3, RFC 5957) and what a message is ordered by.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "connectors/imap/codec/cursor.h"
#include "mail/structure.h"
#include "storage/mail_store.h"

namespace mailstead::imap {

struct SortCriterion {
  enum class Kind { kArrival, kCc, kDate, kFrom, kSize, kSubject, kTo, kDisplayFrom, kDisplayTo };
  Kind kind = Kind::kArrival;
  bool reverse = false;
};

// "(REVERSE DATE SUBJECT)", none of them twice. Throws Failure(kProtocol).
[[nodiscard]] std::vector<SortCriterion> read_sort_criteria(Cursor& cursor);

// A number or a text, by the criterion's kind; texts beyond 512 octets are compared up to there.
struct SortKey {
  std::int64_t number = 0;
  std::string text;
};

struct SortRow {
  std::uint32_t position = 0;
  std::vector<SortKey> keys;  // one per criterion
};

[[nodiscard]] std::size_t octets_of(const SortRow& row);
[[nodiscard]] SortRow sort_row(const std::vector<SortCriterion>& criteria, std::uint32_t position,
                               const storage::Entry& entry, const mail::Envelope& envelope);
// Equal rows stay in the order of their numbers, whatever is reversed.
void sort_rows(const std::vector<SortCriterion>& criteria, std::vector<SortRow>& rows);

}  // namespace mailstead::imap
