// {"log": TEMPLATE}: a line in the message's history.
#include "mail/escape.h"
#include "router/actions/kinds.h"
#include "router/template.h"

#include <nlohmann/json.hpp>

namespace mailstead::router {
namespace {

class Log final : public Action {
 public:
  explicit Log(Template text) : text_(std::move(text)) {}

  void run(Walk& walk) const override {
    std::string line = mail::printable(text_.line(walk.evaluation));
    walk.report("log " + in_quotes(line));
    walk.evaluation.note(std::move(line));
  }

 private:
  Template text_;
};

}  // namespace

std::unique_ptr<Action> make_log(const nlohmann::json& object, Compiler& compiler) {
  auto at = compiler.step("log");
  auto written = compiler.text(*object.find("log"));
  if (!written) return nullptr;
  auto text = Template::compile(*written, compiler);
  return text ? std::make_unique<Log>(std::move(*text)) : nullptr;
}

}  // namespace mailstead::router
