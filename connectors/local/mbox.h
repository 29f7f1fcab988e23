// An mbox file as destination: each message appended under locks, synced, and taken back whole when it could not be
// written whole.
//
// An attempt that died in the middle is found by the next one, which knows how its record must read: a whole record is
// "already there", a beginning at the end of the file is cut away. Only a reader that moved or changed the message
// meanwhile can make a second copy appear.
#pragma once

#include <memory>
#include <string>

#include "connectors/destination.h"

namespace mailstead::local {

struct MboxSettings {
  std::string path;  // absolute; its directory must exist
};

[[nodiscard]] std::unique_ptr<delivery::Destination> make_mbox(MboxSettings settings);

}  // namespace mailstead::local
