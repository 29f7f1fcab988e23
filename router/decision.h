// What is to be done with a message. Plain values: the pipeline turns them into placements and deliveries.
#pragma once

#include <string>
#include <vector>

#include "mail/flags.h"
#include "mail/header_edit.h"

namespace mailstead::router {

// One way on. Templates are expanded, values checked.
struct PlannedDelivery {
  std::string destination;      // name in the configuration; "" for a redirect
  std::string folder;           // override; "" none
  std::vector<std::string> to;  // override, or the addresses of a redirect
  mail::Flags flags;            // as the actions before it set them
  std::size_t edits = 0;        // this many of Decision::edits apply to it
  std::string rule;             // name of the rule, or "default"
};

struct Decision {
  std::vector<PlannedDelivery> deliveries;  // without repeats
  std::vector<mail::HeaderEdit> edits;
  bool discarded = false;            // and no delivery: the message ends here
  std::string discarded_by;          // rule name
  std::vector<std::string> matched;  // rule names, in order
  std::vector<std::string> notes;    // for the history: an expansion that failed and what was done instead, …
};

// Why, for people: one entry per rule, in order, up to where the walk ended.
struct TestTrace {
  std::string test;  // the test as written, "header List-Id contains \"boost\""
  std::string saw;   // the value that decided, printable, shortened; "" nothing
  bool matched = false;
  int depth = 0;  // inside all/any/not
};
struct RuleTrace {
  std::string rule;
  enum class Verdict { kMatched, kNotMatched, kNotReached } verdict = Verdict::kNotReached;
  std::vector<TestTrace> tests;      // evaluated ones only
  std::vector<std::string> actions;  // as done: "deliver to home, folder \"Lists/boost\""
};
struct Explanation {
  Decision decision;
  std::vector<RuleTrace> rules;
  bool used_default = false;
};

}  // namespace mailstead::router
