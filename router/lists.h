// How rules look into files of addresses. The router does no I/O itself: whoever asks for a decision brings this along.
#pragma once

#include <string>
#include <string_view>

namespace mailstead::router {

// Thread-safe.
class Lists {
 public:
  virtual ~Lists() = default;
  // Whether `file` (from "/" or "~/") holds the address, its domain as "example.org" or "@example.org", or a domain
  // above that as ".example.org"; `entry` gets what it is. Without regard to ASCII case. Throws Failure(kConfiguration)
  // for a file that cannot be read.
  [[nodiscard]] virtual bool holds(const std::string& file, std::string_view address, std::string& entry) const = 0;
};

}  // namespace mailstead::router
