// Rules out, in one pass over each place that many rules look at, those whose texts do not occur there: a thousand
// rules on the Subject cost one search. What is left is tried as if there were no screen.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "router/needle.h"
#include "router/rule.h"

namespace mailstead::router {

// Immutable; thread-safe.
class Screen {
 public:
  explicit Screen(const std::vector<Rule>& rules);
  ~Screen();
  Screen(Screen&&) noexcept;
  Screen& operator=(Screen&&) = delete;

  // One message.
  class Pass {
   public:
    Pass(const Screen& screen, Evaluation& evaluation);
    // False: the rule's condition does not hold.
    [[nodiscard]] bool may_match(std::size_t rule);

   private:
    enum class State : std::uint8_t { kAhead, kKnown, kUnknown };
    void search(std::size_t group);
    const Screen& screen_;
    Evaluation& evaluation_;
    std::vector<State> groups_;
    std::vector<bool> found_;  // by rule
  };

 private:
  struct Group;
  static constexpr std::uint32_t kNone = UINT32_MAX;
  std::vector<std::unique_ptr<Group>> groups_;
  std::vector<std::uint32_t> group_of_;  // by rule
};

}  // namespace mailstead::router
