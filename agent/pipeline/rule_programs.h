// Runs the programs that rules name.
#pragma once

#include <memory>
#include <stop_token>
#include <string>

#include "connectors/process/environment.h"
#include "router/programs.h"
#include "router/subject.h"
#include "storage/content.h"

namespace mailstead::agent {

// What a program is told of a message, as MAILSTEAD_ACCOUNT, _FOLDER, _SENDER, _RECIPIENTS, _MESSAGE_ID, _SIZE and,
// when it is run for one rule, _RULE.
[[nodiscard]] process::Variables variables_of(const router::Subject& subject, const std::string& rule = {});

class RulePrograms final : public router::Programs {
 public:
  // What a filter makes goes into `store`, which must outlive it, or, without one, into memory.
  explicit RulePrograms(storage::ContentStore* store = nullptr, std::stop_token stop = {});

  [[nodiscard]] router::ProgramEnd ask(const mail::ProgramSettings& program, const router::Subject& subject,
                                       std::string& output) const override;
  // It may write twice as much as it gets, and 10 MB more.
  [[nodiscard]] router::ProgramEnd filter(const mail::ProgramSettings& program, const router::Subject& subject,
                                          const std::string& rule, std::shared_ptr<const mail::Content> message,
                                          std::shared_ptr<const mail::Content>& made) const override;
  // One that gets the message and whose output is of no interest.
  [[nodiscard]] router::ProgramEnd run(const mail::ProgramSettings& program, const process::Variables& variables,
                                       std::shared_ptr<const mail::Content> message) const;

 private:
  storage::ContentStore* store_;
  std::stop_token stop_;
};

}  // namespace mailstead::agent
