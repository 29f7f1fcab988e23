#include "router/vocabulary.h"

#include "router/actions/kinds.h"
#include "router/conditions/kinds.h"
#include "router/rule.h"

namespace mailstead::router {
namespace {

std::set<std::string> words(std::span<const std::string_view> from) {
  return {from.begin(), from.end()};
}

}  // namespace

std::map<std::string, std::set<std::string>> vocabulary() {
  std::map<std::string, std::set<std::string>> out;
  out["rule"] = words(rule_keys());
  out["address"] = words(address_names());
  for (const ConditionKind& kind : condition_kinds()) {
    out["condition"].emplace(kind.key);
    out["condition/" + std::string(kind.key)] = words(kind.with);
  }
  for (const ActionKind& kind : action_kinds()) {
    out["action"].emplace(kind.key);
    out["action/" + std::string(kind.key)] = words(kind.with);
  }
  for (const char* kind : {"size", "age", "date", "attachment", "body", "raw", "auth", "output", "score"})
    out["inside/" + std::string(kind)] = words(keys_inside(kind));
  return out;
}

}  // namespace mailstead::router
