// The words of the rule language, for whoever must agree with it: the JSON Schema's test, completion.
#pragma once

#include <map>
#include <set>
#include <string>

namespace mailstead::router {

// By where they stand: "rule", "condition" (all kinds of test), "action" (all kinds), "condition/header", … (keys
// beside that test), "inside/size", … (keys inside its object), "action/deliver", …, "address" (values).
[[nodiscard]] std::map<std::string, std::set<std::string>> vocabulary();

}  // namespace mailstead::router
