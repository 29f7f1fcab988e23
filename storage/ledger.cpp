#include "storage/ledger.h"

#include "storage/uid_ranges.h"

namespace mailstead::storage {

bool FolderProgress::done(Uid uid) const noexcept {
  return uid <= done_through || contains(done_beyond, uid);
}

}  // namespace mailstead::storage
