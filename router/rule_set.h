// The rules of a configuration, compiled once and then only read.
//
// Rules are tried in order; the first that matches and does not say "continue" ends the walk. A message that no rule
// delivered or discarded goes to the default destination: none is lost by omission.
//
// What settles a message is a `deliver` or `redirect` without "copy", `quarantine` or `discard`. A copy does not: a
// rule whose only ways on are copies lets the walk go on as if it said "continue", and a message with nothing but
// copies in the end goes to the default destination, too. `stop` and `quarantine` end the walk, whatever was done;
// `discard` ends it and takes the default away. Flags begin as they are on the source, without \Deleted.
//
// A rule with "group" instead of "then" has the rules of that group tried at its place; where one of them ends the walk
// it is over, else it goes on behind.
//
// A rule that is never reached is a fault: behind one that always ends the walk, or with the test of an earlier one
// that does.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "router/decision.h"
#include "router/subject.h"

namespace mailstead::router {

// A fault of the rules as written. The pointer (RFC 6901, from the configuration's root, such as
// "/rules/2/if/all/0/adress") lets the loader find file and line.
struct Problem {
  std::string pointer;
  std::string what;  // "unknown test \"adress\""
  std::string hint;  // "did you mean \"address\"?"; may be empty
};

struct RuleContext {
  std::set<std::string> destinations;  // names that exist
  std::set<std::string> accounts;
  std::string default_destination;  // "" : none configured
  // Destinations that have no folders (`deliver` with "folder" is a fault) or no recipients ("to" likewise).
  std::set<std::string> without_folder;
  std::set<std::string> without_recipients;
  // Destinations that know users by name alone (LMTP, programs): recipients need no domain.
  std::set<std::string> with_user_names;
  // Destinations that rewrite senders: whose sender an address carries, at that time; nullopt: it is not of their
  // making.
  std::map<std::string, std::function<std::optional<std::string>(std::string_view, mail::WallTime)>> rewriting;
  std::set<std::string> spam_filters;    // names that exist
  std::set<std::string> without_action;  // those of them that tell no action
  std::set<std::string> notifying;       // web services that get notices alone
  // "rule_groups" of the configuration: lists of rules by name; null: none. Used while compiling only.
  const nlohmann::json* groups = nullptr;
  std::set<std::string> carriers;  // destinations of type smtp
  bool can_redirect = true;        // whether anything carries `redirect`
};

// Immutable after compile(); thread-safe.
class RuleSet {
 public:
  // `rules` is the array of the configuration ("rules"; may be null). All problems are appended; the result serves only
  // when there was none. `pointer` is where the array stands.
  [[nodiscard]] static std::shared_ptr<const RuleSet> compile(const nlohmann::json& rules, const RuleContext& context,
                                                              std::vector<Problem>& problems,
                                                              const std::string& pointer = "/rules");
  ~RuleSet();

  // Never throws on a message: what cannot be evaluated does not match and is noted. Only a stop
  // request that comes while a program runs is thrown: Failure(kCancelled).
  [[nodiscard]] Decision decide(const Subject& subject) const;
  // The same decision, with reasons.
  [[nodiscard]] Explanation explain(const Subject& subject) const;
  [[nodiscard]] std::size_t size() const noexcept;
  // Whether any rule can look at the body (else headers are enough for a verdict).
  [[nodiscard]] bool needs_body() const noexcept;

 private:
  struct State;
  explicit RuleSet(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace mailstead::router
