// The disk did not confirm a write. What was written since the last confirmed sync is unknown and asking again proves
// nothing, since the kernel may have dropped the pages: the store stops writing until the process starts anew.
#pragma once

#include "mail/failure.h"

namespace mailstead::storage {

class SyncFailed : public mail::Failure {
 public:
  using mail::Failure::Failure;
};

}  // namespace mailstead::storage
