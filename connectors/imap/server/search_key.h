// The criteria of SEARCH (RFC 3501 §6.4.4) as a tree.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "connectors/imap/codec/cursor.h"
#include "connectors/imap/codec/sequence_set.h"
#include "mail/clock.h"
#include "mail/limits.h"
#include "storage/search_index.h"

namespace mailstead::imap {

struct SearchKey {
  enum class Kind {
    kAnd,  // of its children; of none: every message
    kOr,
    kNot,
    kNumbers,  // by sequence number
    kUids,
    kFlags,  // all of `flags` set
    kKeyword,
    kEmailId,   // RFC 8474; `name` is compared in its case
    kThreadId,  // nobody's
    kRecent,
    kLarger,
    kSmaller,
    kModSeq,  // changed at `modseq` or later (RFC 7162 §3.1.5)
    kBefore,  // internal date
    kOn,
    kSince,
    kSavedBefore,  // when it came into this mailbox (RFC 8514)
    kSavedOn,
    kSavedSince,
    kOlder,  // by seconds (RFC 5032); `date` is the bound once resolved
    kYounger,
    kSaved,       // "$" (RFC 5182); kUids once resolved
    kSentBefore,  // Date field
    kSentOn,
    kSentSince,
    kFrom,  // fields of the envelope
    kTo,
    kCc,
    kBcc,
    kSubject,
    kHeader,
    kBody,
    kText,
  };
  Kind kind = Kind::kAnd;
  std::vector<SearchKey> children;
  SequenceSet numbers;  // "*" not resolved yet
  std::uint8_t flags = 0;
  mail::ByteCount size = 0;
  std::uint64_t modseq = 0;
  std::chrono::seconds interval{0};
  mail::WallTime date;                              // midnight
  std::string name;                                 // of a field or keyword
  std::string text;                                 // UTF-8, case folded
  std::shared_ptr<const storage::SearchHits> hits;  // of `text`, when the index could tell
};

// What RETURN asks for (RFC 4731, RFC 5182).
struct SearchReturn {
  bool extended = false;  // answered by ESEARCH
  bool min = false, max = false, all = false, count = false, save = false;
  // The answer has nothing to say: RETURN (SAVE).
  [[nodiscard]] bool silent() const noexcept { return extended && !min && !max && !all && !count; }
};

struct SearchRequest {
  SearchReturn result;
  SearchKey root;
  bool with_charset = false;  // it was given
  bool charset_known = true;  // false: nothing was read further
};

// "[RETURN (…)] [CHARSET name] key *(key)". Throws Failure(kProtocol), or (kLimit) for nesting beyond
// mail::kMaxListDepth.
[[nodiscard]] SearchRequest read_search(Cursor& cursor);

// "charset key *(key)", as SORT and THREAD have it. nullopt: the charset is unknown, nothing was read further.
[[nodiscard]] std::optional<SearchKey> read_charset_and_keys(Cursor& cursor);

// Whether MODSEQ is among the keys.
[[nodiscard]] bool asks_modseq(const SearchKey& key);
// What a message must be read for, at worst: 0 nothing, 1 its cached facts, 2 its header, 3 its body.
[[nodiscard]] int cost_of(const SearchKey& key);
// More keys than one search may have open each message: TEXT, BODY and HEADER read and decode it anew.
[[nodiscard]] bool opens_too_often(const SearchKey& key);

}  // namespace mailstead::imap
