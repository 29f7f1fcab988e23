// The bytes of messages: kept once per SHA-256, appended to segments, read at random.
#pragma once

#include <memory>
#include <string_view>

#include "storage/types.h"

namespace mailstead::storage {

// A message on its way in. Small ones stay in memory while the global budget lasts, others go to a spool file of mode
// 0600 on the data disk that has no name another could guess and vanishes with the object unless it is accepted.
// One thread at a time. Throws Failure(kStorage, kProcess) when the disk is full or fails.
class IncomingContent {
 public:
  virtual ~IncomingContent() = default;
  virtual void append(std::string_view bytes) = 0;
  // The bytes, for reading (scanning, routing) and for handing to accept(). The object is spent.
  [[nodiscard]] virtual std::shared_ptr<const mail::Content> finish() = 0;
};

// Thread-safe.
class ContentStore {
 public:
  virtual ~ContentStore() = default;
  // `size_hint` may lie; it only chooses between memory and spool at the start.
  [[nodiscard]] virtual std::unique_ptr<IncomingContent> begin(mail::ByteCount size_hint) = 0;
  // Stays readable as long as the result lives, compaction notwithstanding. Throws Failure(kStorage, kMessage) when
  // there is no such content or its bytes do not match their digest (checked once per process run and content).
  [[nodiscard]] virtual std::shared_ptr<const mail::Content> open(ContentId id) const = 0;
};

}  // namespace mailstead::storage
