// The messages of a listing in the order of their identities' octets: for finding two alike, and for walking along a
// sorted ledger.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "connectors/pop3/client/maildrop.h"

namespace mailstead::pop3 {

// Indexes of `messages` with an identity, ascending by its octets. Most servers list in that order already: that is
// seen in one pass. Else by keys of eight octets behind what all have in common.
[[nodiscard]] std::vector<std::uint32_t> order_by_identity(const std::vector<ListedMessage>& messages);

}  // namespace mailstead::pop3
