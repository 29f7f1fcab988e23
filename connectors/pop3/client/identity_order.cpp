#include "connectors/pop3/client/identity_order.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace mailstead::pop3 {
namespace {

std::size_t common_length(std::string_view a, std::string_view b) noexcept {
  auto [end_of_a, end_of_b] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
  (void)end_of_b;
  return static_cast<std::size_t>(end_of_a - a.begin());
}

// The octets from `from` on as a number of the same order; missing ones count as 0.
std::uint64_t key_of(std::string_view identity, std::size_t from) noexcept {
  std::uint64_t key = 0;
  for (std::size_t i = 0; i < sizeof(key); ++i) {
    key = key << 8U | (from + i < identity.size() ? static_cast<unsigned char>(identity[from + i]) : 0U);
  }
  return key;
}

}  // namespace

std::vector<std::uint32_t> order_by_identity(const std::vector<ListedMessage>& messages) {
  std::vector<std::uint32_t> order;
  order.reserve(messages.size());
  bool ascending = true;
  std::string_view last;
  std::size_t common = static_cast<std::size_t>(-1);
  for (std::uint32_t i = 0; i < messages.size(); ++i) {
    std::string_view identity = messages[i].identity;
    if (identity.empty()) continue;
    if (!order.empty()) {
      ascending = ascending && last <= identity;
      common = common_length(last.substr(0, common), identity);
    }
    last = identity;
    order.push_back(i);
  }
  if (ascending) return order;
  std::vector<std::pair<std::uint64_t, std::uint32_t>> keyed;
  keyed.reserve(order.size());
  for (std::uint32_t i : order) keyed.emplace_back(key_of(messages[i].identity, common), i);
  std::sort(keyed.begin(), keyed.end(), [&](const auto& a, const auto& b) {
    if (a.first != b.first) return a.first < b.first;
    int difference = messages[a.second].identity.compare(messages[b.second].identity);
    return difference != 0 ? difference < 0 : a.second < b.second;
  });
  for (std::size_t i = 0; i < keyed.size(); ++i) order[i] = keyed[i].second;
  return order;
}

}  // namespace mailstead::pop3
