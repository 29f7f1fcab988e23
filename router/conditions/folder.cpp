// {"folder": GLOB or [GLOBS]}: which folder of the account the message was in; "*" crosses levels. Case counts, but
// for INBOX (RFC 3501 §5.1).
#include "mail/header.h"
#include "router/conditions/kinds.h"
#include "router/matcher.h"

#include <nlohmann/json.hpp>

namespace mailstead::router {
namespace {

class FolderTest final : public Condition {
 public:
  explicit FolderTest(GlobSet globs) : globs_(std::move(globs)) {}

 protected:
  bool test(Evaluation& evaluation) const override {
    std::string_view written = evaluation.subject().folder;
    Value folder{std::string(mail::iequals(written, "INBOX") ? "INBOX" : written)};
    evaluation.saw(folder.text());
    return globs_.fits(folder);
  }
  std::string text() const override { return "folder is " + listed(globs_.patterns()); }

 private:
  GlobSet globs_;
};

nlohmann::json with_inbox_in_capitals(const nlohmann::json& value) {
  if (value.is_string() && mail::iequals(value.get_ref<const std::string&>(), "INBOX")) return "INBOX";
  if (!value.is_array()) return value;
  nlohmann::json out = nlohmann::json::array();
  for (const nlohmann::json& one : value) out.push_back(one.is_array() ? one : with_inbox_in_capitals(one));
  return out;
}

}  // namespace

std::unique_ptr<Condition> make_folder_test(const nlohmann::json& object, Compiler& compiler) {
  auto at = compiler.step("folder");
  auto globs = GlobSet::compile(with_inbox_in_capitals(*object.find("folder")), true, compiler);
  return globs ? std::make_unique<FolderTest>(std::move(*globs)) : nullptr;
}

}  // namespace mailstead::router
