// UIDs in the order they come in, neighbours joined: the pairs of COPYUID and the UIDs of APPENDUID (RFC 4315 §3).
#pragma once

#include <string>
#include <vector>

#include "storage/types.h"

namespace mailstead::imap {

[[nodiscard]] std::string uid_list(const std::vector<storage::Uid>& uids);

}  // namespace mailstead::imap
