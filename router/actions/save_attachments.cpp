// {"save_attachments": DIRECTORY, "folder": TEMPLATE, "name"/"type": GLOB, "size": {…}}: the attachments that fit, of
// the message as it was received, are written as files once it is accepted. What comes of that is told in the history
// and decides nothing.
//
// The directory is the user's and fixed; only levels below it, and the names of the files, come from the message, and
// both are made safe (router/folder_name.h).
#include "router/actions/kinds.h"
#include "router/attachments.h"
#include "router/folder_name.h"
#include "router/recipients.h"
#include "router/template.h"

#include <nlohmann/json.hpp>

namespace mailstead::router {
namespace {

// "~/.ssh" must not be a stranger's choice.
std::string without_hidden_levels(std::string folder) {
  for (std::size_t i = 0; i < folder.size(); ++i)
    if (folder[i] == '.' && (i == 0 || folder[i - 1] == '/')) folder[i] = '_';
  return folder;
}

class SaveAttachments final : public Action {
 public:
  SaveAttachments(std::string directory, std::optional<Template> folder, AttachmentPattern pattern)
      : directory_(std::move(directory)), folder_(std::move(folder)), pattern_(std::move(pattern)) {}

  void run(Walk& walk) const override {
    PlannedSave save;
    save.directory = directory_;
    save.folder = folder_for(walk);
    save.rule = walk.rule;
    for (Attachment& attachment : attachments_of(walk.evaluation.subject().facts.structure)) {
      if (!pattern_.fits(attachment)) continue;
      const mail::Part& part = *attachment.part;
      save.files.push_back({safe_file_name(attachment.name.text()), part.encoding, part.body_offset, part.body_size});
    }
    const std::string where = directory_ + (save.folder.empty() ? "" : "/" + save.folder);
    walk.report("save " + std::to_string(save.files.size()) + " attachments in " + in_quotes(where) +
                " once the message is accepted");
    if (!save.files.empty()) walk.decision.saves.push_back(std::move(save));
  }
  Effect effect() const noexcept override { return Effect::kNone; }

 private:
  [[nodiscard]] std::string folder_for(Walk& walk) const {
    if (!folder_) return {};
    std::string why;
    if (auto folder = folder_->folder(walk.evaluation, why)) return without_hidden_levels(*std::move(folder));
    walk.evaluation.note("rule " + in_quotes(walk.rule) + ": " + why + "; " + in_quotes(directory_) +
                         " itself was used instead");
    return {};
  }

  std::string directory_;
  std::optional<Template> folder_;
  AttachmentPattern pattern_;
};

std::string compile_directory(const nlohmann::json& object, Compiler& compiler) {
  auto at = compiler.step("save_attachments");
  auto written = compiler.text(*object.find("save_attachments"));
  if (!written) return {};
  const bool is_whole = written->front() == '/' || written->starts_with("~/");
  if (!is_whole || written->find('\0') != std::string::npos)
    compiler.problem(in_quotes(*written) + " begins nowhere", "write the path of a directory, from \"/\" or \"~/\"");
  if (written->find("${") != std::string::npos)
    compiler.problem("the directory is fixed", "variables go into \"folder\", whose levels lie below it");
  return *written;
}

}  // namespace

std::unique_ptr<Action> make_save_attachments(const nlohmann::json& object, Compiler& compiler) {
  const std::size_t before = compiler.problems();
  std::string directory = compile_directory(object, compiler);
  std::optional<Template> folder;
  if (auto found = object.find("folder"); found != object.end()) {
    auto at = compiler.step("folder");
    folder = compile_folder(*found, compiler);
  }
  auto pattern = AttachmentPattern::compile(object, compiler);
  if (!pattern || compiler.problems() != before) return nullptr;
  return std::make_unique<SaveAttachments>(std::move(directory), std::move(folder), std::move(*pattern));
}

}  // namespace mailstead::router
