// Whom an address belongs to, where peers are counted: an IPv4 address stands for itself, an IPv6 address for its /64,
// which is one customer's.
#pragma once

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <string>

namespace mailstead::connectors {

[[nodiscard]] inline std::string address_group(const std::string& address) {
  constexpr std::size_t kNetwork = 8;
  in6_addr parsed{};
  if (::inet_pton(AF_INET6, address.substr(0, address.find('%')).c_str(), &parsed) != 1) return address;
  if (IN6_IS_ADDR_V4MAPPED(&parsed) || IN6_IS_ADDR_LOOPBACK(&parsed)) return address;
  std::fill(std::begin(parsed.s6_addr) + kNetwork, std::end(parsed.s6_addr), std::uint8_t{0});
  std::array<char, INET6_ADDRSTRLEN> text{};
  return std::string(::inet_ntop(AF_INET6, &parsed, text.data(), text.size())) + "/64";
}

}  // namespace mailstead::connectors
