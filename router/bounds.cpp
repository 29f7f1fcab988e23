#include "router/bounds.h"

#include "mail/units.h"
#include "router/conditions/kinds.h"

#include <nlohmann/json.hpp>

namespace mailstead::router {
namespace {

std::optional<mail::ByteCount> read_size(const nlohmann::json& value, Compiler& compiler) {
  if (value.is_number_integer() && value >= 0) return value.get<mail::ByteCount>();
  auto text = compiler.text(value);
  if (!text) return std::nullopt;
  auto size = mail::parse_size(*text);
  if (!size) compiler.problem(in_quotes(*text) + " is not a size", R"(write "512KB" or "25MB")");
  return size;
}

std::optional<std::chrono::seconds> read_age(const nlohmann::json& value, Compiler& compiler) {
  auto text = compiler.text(value);
  if (!text) return std::nullopt;
  auto age = mail::parse_duration(*text);
  if (!age) compiler.problem(in_quotes(*text) + " is not a duration", R"(write "90s", "5m", "2h" or "30d")");
  return age;
}

template <typename Bounds, typename Read>
std::optional<Bounds> compile_bounds(const nlohmann::json& value, std::string_view kind, Read read,
                                     Compiler& compiler) {
  std::size_t before = compiler.problems();
  if (!compiler.is_object(value, "a bound")) return std::nullopt;
  compiler.check_keys(value, keys_inside(kind), "a bound");
  Bounds made;
  for (auto [key, bound] : {std::pair("over", &made.over), std::pair("under", &made.under)}) {
    auto found = value.find(key);
    if (found == value.end()) continue;
    auto at = compiler.step(key);
    *bound = read(*found, compiler);
  }
  if (compiler.problems() != before) return std::nullopt;
  if (!made.over && !made.under) compiler.problem("says neither \"over\" nor \"under\"");
  if (made.over && made.under && *made.over >= *made.under)
    compiler.problem("nothing is both over and under these", "exchange the two");
  if (compiler.problems() != before) return std::nullopt;
  return made;
}

template <typename Bounds, typename Format>
std::string bounds_text(const Bounds& bounds, Format format) {
  std::string out;
  if (bounds.over) out = "over " + format(*bounds.over);
  if (bounds.under) out += (out.empty() ? "under " : " and under ") + format(*bounds.under);
  return out;
}

}  // namespace

std::optional<SizeBounds> SizeBounds::compile(const nlohmann::json& value, Compiler& compiler) {
  return compile_bounds<SizeBounds>(value, "size", read_size, compiler);
}

std::string SizeBounds::text() const {
  return bounds_text(*this, mail::format_size);
}

std::optional<AgeBounds> AgeBounds::compile(const nlohmann::json& value, Compiler& compiler) {
  return compile_bounds<AgeBounds>(value, "age", read_age, compiler);
}

std::string AgeBounds::text() const {
  return bounds_text(*this, mail::format_duration);
}

}  // namespace mailstead::router
