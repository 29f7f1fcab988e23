// {"flag": "\\Seen" or ["$Junk", …]}: whether the message has any of them on the source.
#include "mail/flags.h"
#include "router/conditions/kinds.h"
#include "router/flag_names.h"
#include "router/matcher.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace mailstead::router {
namespace {

class FlagTest final : public Condition {
 public:
  FlagTest(std::vector<std::string> written, mail::Flags wanted)
      : written_(std::move(written)), wanted_(std::move(wanted)) {}

 protected:
  bool test(Evaluation& evaluation) const override {
    const mail::Flags& flags = evaluation.subject().flags;
    if (evaluation.traces()) {
      std::string all;
      for (const std::string& name : flags.names()) all += (all.empty() ? "" : " ") + name;
      evaluation.saw(all);
    }
    return (flags.system & wanted_.system) != 0 ||
           std::any_of(wanted_.keywords.begin(), wanted_.keywords.end(),
                       [&](const std::string& one) { return flags.has_keyword(one); });
  }
  std::string text() const override { return "flag " + listed(written_); }

 private:
  std::vector<std::string> written_;
  mail::Flags wanted_;
};

}  // namespace

std::unique_ptr<Condition> make_flag_test(const nlohmann::json& object, Compiler& compiler) {
  auto at = compiler.step("flag");
  const nlohmann::json& value = *object.find("flag");
  auto flags = compile_flags(value, compiler);
  if (!flags) return nullptr;
  return std::make_unique<FlagTest>(compiler.texts(value), std::move(*flags));
}

}  // namespace mailstead::router
