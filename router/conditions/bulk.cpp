// {"bulk": true}: sent to many or by a machine: Precedence bulk, junk or list; Auto-Submitted other than "no" (RFC 3834
// §5); List-Id or List-Unsubscribe; Feedback-ID. {"bulk": false} is the opposite.
#include "mail/ascii.h"
#include "router/conditions/kinds.h"

#include <nlohmann/json.hpp>

#include <array>

namespace mailstead::router {
namespace {

constexpr std::array<const char*, 3> kFields = {"list-id", "list-unsubscribe", "feedback-id"};

class BulkTest final : public Condition {
 public:
  explicit BulkTest(bool wanted) : wanted_(wanted) {}

 protected:
  bool test(Evaluation& evaluation) const override { return is_bulk(evaluation) == wanted_; }
  std::string text() const override { return wanted_ ? "bulk" : "not bulk"; }

 private:
  static bool is_bulk(Evaluation& evaluation) {
    for (const Value& value : evaluation.header("precedence")) {
      std::string word = mail::lowered(mail::trim(value.text()));
      if (word == "bulk" || word == "junk" || word == "list") return because(evaluation, "precedence", value);
    }
    for (const Value& value : evaluation.header("auto-submitted")) {
      std::string word = mail::lowered(value.text());
      if (mail::trim(std::string_view(word).substr(0, word.find(';'))) != "no")
        return because(evaluation, "auto-submitted", value);
    }
    for (const char* field : kFields)
      if (const auto& values = evaluation.header(field); !values.empty())
        return because(evaluation, field, values.front());
    return false;
  }
  static bool because(Evaluation& evaluation, std::string_view field, const Value& value) {
    evaluation.saw(std::string(field) + ": " + value.text());
    return true;
  }
  bool wanted_;
};

}  // namespace

std::unique_ptr<Condition> make_bulk_test(const nlohmann::json& object, Compiler& compiler) {
  auto at = compiler.step("bulk");
  auto wanted = compiler.boolean(*object.find("bulk"));
  return wanted ? std::make_unique<BulkTest>(*wanted) : nullptr;
}

}  // namespace mailstead::router
