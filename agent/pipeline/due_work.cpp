#include "agent/pipeline/due_work.h"

#include "connectors/local/saved_file.h"
#include "mail/escape.h"
#include "mail/failure.h"
#include "mail/transfer_encoding.h"
#include "mail/units.h"

namespace mailstead::agent {

namespace {

using mail::operator""_MiB;

// Both are in memory, as they stand in the message and decoded.
constexpr mail::ByteCount kMaxSavedFile = 50_MiB;
constexpr std::size_t kMaxSavedFiles = 100;

std::string under_home(const std::string& directory) {
  if (!directory.starts_with("~/")) return directory;
  return process::identity_of("").home + directory.substr(1);
}

class Saving {
 public:
  Saving(const router::PlannedSave& save, const mail::Content& message) : save_(save), message_(message) {}

  WorkEnd run() {
    const std::size_t most = std::min(save_.files.size(), kMaxSavedFiles);
    for (std::size_t i = 0; i < most; ++i) save(save_.files[i]);
    if (most < save_.files.size()) fail(std::to_string(save_.files.size() - most) + " more are left out");
    return std::move(end_);
  }

 private:
  void save(const router::PlannedSave::File& file) {
    if (file.size > kMaxSavedFile) return fail(file.name + " is larger than " + mail::format_size(kMaxSavedFile));
    try {
      const std::string bytes =
          mail::decode(mail::read_range(message_, file.offset, file.size), mail::transfer_encoding(file.encoding));
      tell(local::save_file(under_home(save_.directory), save_.folder, file.name, bytes));
    } catch (const mail::Failure& failure) {
      fail(file.name + ": " + failure.text());
    }
  }
  void fail(const std::string& what) {
    end_.good = false;
    tell(what);
  }
  void tell(const std::string& what) { end_.words += (end_.words.empty() ? "" : ", ") + mail::printable(what, 400); }

  const router::PlannedSave& save_;
  const mail::Content& message_;
  WorkEnd end_{true, ""};
};

std::string of_rule(const std::string& rule) {
  return "rule \"" + mail::printable(rule) + "\": ";
}

}  // namespace

std::vector<DueWork> due_work(const router::Subject& subject, const router::Decision& decision,
                              const RulePrograms& programs, const std::shared_ptr<const mail::Content>& received,
                              const std::vector<std::shared_ptr<const mail::Content>>& contents) {
  std::vector<DueWork> due;
  for (std::size_t i = 0; i < decision.runs.size(); ++i) {
    const router::PlannedRun& run = decision.runs[i];
    auto work = [&programs, program = run.program, variables = variables_of(subject, run.rule), content = contents[i]] {
      const router::ProgramEnd end = programs.run(program, variables, content);
      return WorkEnd{end.exited && end.status == 0, end.words};
    };
    due.push_back({0, of_rule(run.rule) + "run \"" + mail::program_text(run.program) + "\"", std::move(work)});
  }
  for (const router::PlannedSave& save : decision.saves)
    due.push_back(
        {0, of_rule(save.rule) + "save attachments", [save, received] { return Saving(save, *received).run(); }});
  return due;
}

}  // namespace mailstead::agent
