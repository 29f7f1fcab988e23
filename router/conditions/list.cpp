// {"list": true}: the message came over a mailing list: it has List-Id or List-Post (RFC 2919, 2369), Mailing-List or
// X-Mailing-List (older managers), or Precedence: list. {"list": false} is the opposite.
#include "mail/ascii.h"
#include "router/conditions/kinds.h"

#include <nlohmann/json.hpp>

#include <array>

namespace mailstead::router {
namespace {

constexpr std::array<const char*, 4> kFields = {"list-id", "list-post", "mailing-list", "x-mailing-list"};

class ListTest final : public Condition {
 public:
  explicit ListTest(bool wanted) : wanted_(wanted) {}

 protected:
  bool test(Evaluation& evaluation) const override { return over_list(evaluation) == wanted_; }
  std::string text() const override { return wanted_ ? "list" : "no list"; }

 private:
  static bool over_list(Evaluation& evaluation) {
    for (const char* field : kFields) {
      const std::vector<Value>& values = evaluation.header(field);
      if (values.empty()) continue;
      evaluation.saw(std::string(field) + ": " + values.front().text());
      return true;
    }
    for (const Value& value : evaluation.header("precedence")) {
      if (mail::lowered(mail::trim(value.text())) != "list") continue;
      evaluation.saw("precedence: list");
      return true;
    }
    return false;
  }
  bool wanted_;
};

}  // namespace

std::unique_ptr<Condition> make_list_test(const nlohmann::json& object, Compiler& compiler) {
  auto at = compiler.step("list");
  auto wanted = compiler.boolean(*object.find("list"));
  return wanted ? std::make_unique<ListTest>(*wanted) : nullptr;
}

}  // namespace mailstead::router
