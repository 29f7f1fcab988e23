// What is to be done with a message. Plain values: the pipeline turns them into placements and deliveries.
#pragma once

#include <chrono>
#include <compare>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "mail/content.h"
#include "mail/digest.h"
#include "mail/failure.h"
#include "mail/flags.h"
#include "mail/header_edit.h"
#include "mail/program.h"
#include "mail/scan.h"

namespace mailstead::router {

// Which of the changes that rules made are in a message: so many of Decision::edits, behind so many of
// Decision::filtered.
struct Form {
  std::size_t edits = 0, filters = 0;
  auto operator<=>(const Form&) const = default;
};

// One way on. Templates are expanded, values checked.
struct PlannedDelivery {
  std::string destination;      // name in the configuration; "" for a redirect
  std::string folder;           // override; "" none
  std::vector<std::string> to;  // override, or the addresses of a redirect
  mail::Flags flags;            // as the actions before it set them
  Form form;
  std::string rule;        // name of the rule, or "default"
  std::string quarantine;  // why it is held until its user releases it; "" it is not
};

// The message as a filter made it. The first `edits` edits are in it already.
struct Filtered {
  std::size_t edits = 0;
  std::shared_ptr<const mail::Content> content;
  mail::MessageFacts facts;
};

// A program that is to get the message once it is accepted.
struct PlannedRun {
  mail::ProgramSettings program;
  Form form;
  std::string rule;
};

// Attachments that are to be written as files once the message is accepted. Names are safe.
struct PlannedSave {
  struct File {
    std::string name, encoding;  // the encoding as the part says it
    mail::ByteCount offset = 0, size = 0;
  };
  std::string directory;  // from "/" or "~/"
  std::string folder;     // below it; "" none
  std::vector<File> files;
  std::string rule;
};

// An answer of ours to the sender, through the queue.
struct PlannedReply {
  std::string destination;  // "" that which carries redirects
  std::string from;         // as it may stand in the field
  std::string to;           // an envelope address
  std::string subject, text;
  std::string rule;
  mail::Sha256 key{};  // of Decision::remembered
};

// A key that counts as met once the message is accepted (router/memory.h).
struct Remembered {
  mail::Sha256 key{};
  std::chrono::seconds window{0};
};

struct Decision {
  // The message must not be accepted now: nothing else in here counts. Thrown by whoever was to accept it; of scope
  // kMessage when it is about this message, else no other one of the account would fare better.
  std::optional<mail::Failure> postponed;
  std::vector<PlannedDelivery> deliveries;  // without repeats
  std::vector<mail::HeaderEdit> edits;
  std::vector<Filtered> filtered;
  std::vector<PlannedRun> runs;
  std::vector<PlannedSave> saves;
  std::vector<PlannedReply> replies;  // beside the message's own way
  std::vector<Remembered> remembered;
  bool discarded = false;             // and no delivery: the message ends here
  std::string discarded_by;           // rule name
  std::vector<std::string> matched;   // rule names, in order
  std::vector<std::string> notes;     // for the history: an expansion that failed and what was done instead, …
  std::vector<std::string> troubles;  // those of the notes that the log is to tell, too: a program that failed
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
