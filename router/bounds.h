// {"over": …, "under": …} for sizes and durations: at least one of the two, and room between them.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "mail/limits.h"
#include "router/compiler.h"

namespace mailstead::router {

struct SizeBounds {
  std::optional<mail::ByteCount> over, under;
  [[nodiscard]] static std::optional<SizeBounds> compile(const nlohmann::json& value, Compiler& compiler);
  [[nodiscard]] bool hold(mail::ByteCount size) const noexcept {
    return (!over || size > *over) && (!under || size < *under);
  }
  [[nodiscard]] std::string text() const;
};

struct AgeBounds {
  std::optional<std::chrono::seconds> over, under;
  [[nodiscard]] static std::optional<AgeBounds> compile(const nlohmann::json& value, Compiler& compiler);
  [[nodiscard]] bool hold(std::chrono::seconds age) const noexcept {
    return (!over || age > *over) && (!under || age < *under);
  }
  [[nodiscard]] std::string text() const;
};

}  // namespace mailstead::router
