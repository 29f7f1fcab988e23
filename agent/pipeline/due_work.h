// What rules want done with a message once it is accepted: programs that get it, attachments that are saved. It is done
// beside the way of the message and decides nothing.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "agent/pipeline/rule_programs.h"
#include "mail/content.h"
#include "router/decision.h"
#include "router/subject.h"
#include "storage/types.h"

namespace mailstead::agent {

struct WorkEnd {
  bool good = false;
  std::string words;  // printable
};

struct DueWork {
  storage::MessageId message = 0;  // once it has one
  std::string what;                // `rule "x": run "notify-send"`
  std::function<WorkEnd()> work;   // throws Failure(kCancelled) on a stop request, and Failure(kStorage)
};

// `received` is the message as it came, `contents` the forms that the decision's runs are to get. The work holds on to
// both; `programs` must outlive it.
[[nodiscard]] std::vector<DueWork> due_work(const router::Subject& subject, const router::Decision& decision,
                                            const RulePrograms& programs,
                                            const std::shared_ptr<const mail::Content>& received,
                                            const std::vector<std::shared_ptr<const mail::Content>>& contents);

}  // namespace mailstead::agent
