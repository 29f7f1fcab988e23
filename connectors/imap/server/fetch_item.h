// What a FETCH asks for (RFC 3501 §6.4.5).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "connectors/imap/codec/cursor.h"
#include "mail/limits.h"

namespace mailstead::imap {

// A section of BODY[…].
struct Section {
  enum class Text { kAll, kHeader, kHeaderFields, kHeaderFieldsNot, kMime, kText };
  std::vector<std::uint32_t> path;  // "2.1"
  Text text = Text::kAll;
  std::vector<std::string> fields;
};

struct FetchItem {
  enum class Kind {
    kFlags,
    kUid,
    kInternalDate,
    kSize,
    kEnvelope,
    kBody,
    kBodyStructure,
    kModSeq,
    kEmailId,
    kThreadId,
    kSaveDate,
    kPreview,
    kBinary,
    kBinarySize,
    kSection
  };
  Kind kind = Kind::kFlags;
  std::string label;  // how the answer names it: "BODY[2.1]", "RFC822.TEXT"
  Section section;
  bool peek = false;  // leaves \Seen alone
  bool partial = false;
  mail::ByteCount start = 0, count = 0;
};

[[nodiscard]] FetchItem modseq_item();
// One item, a macro, or a list of items; what is asked for twice comes once. Throws Failure(kProtocol).
[[nodiscard]] std::vector<FetchItem> read_fetch_items(Cursor& cursor);

}  // namespace mailstead::imap
