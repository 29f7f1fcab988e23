// A password or token. Wipes its memory when it goes, cannot be printed, copied only on purpose.
#pragma once

#include <string>
#include <string_view>

namespace mailstead::mail {

class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string value);
  Secret(Secret&& other) noexcept;
  Secret& operator=(Secret&& other) noexcept;
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  ~Secret();

  [[nodiscard]] bool empty() const noexcept { return value_.empty(); }
  [[nodiscard]] Secret copy() const { return Secret(value_); }
  // The one way to the bytes; the view lives as long as this object is unchanged. Never log it.
  [[nodiscard]] std::string_view reveal() const noexcept { return value_; }

 private:
  void wipe() noexcept;
  std::string value_;
};

// Compares in time that does not depend on where the two differ.
[[nodiscard]] bool equal_in_constant_time(std::string_view a, std::string_view b) noexcept;

}  // namespace mailstead::mail
