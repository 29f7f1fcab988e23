// {"header": NAME or [NAMES], OP: …}: any value of any of the fields, decoded and unfolded.
#include "mail/header.h"
#include "mail/ascii.h"
#include "router/conditions/kinds.h"
#include "router/matcher.h"

#include <nlohmann/json.hpp>

namespace mailstead::router {
namespace {

class HeaderTest final : public Condition {
 public:
  HeaderTest(std::vector<std::string> names, std::unique_ptr<Matcher> matcher)
      : written_(std::move(names)), matcher_(std::move(matcher)) {
    for (const std::string& name : written_) names_.push_back(mail::lowered(name));
  }

  std::optional<Needle> needle() const override {
    if (names_.size() != 1) return std::nullopt;
    return Needle{{Place::Kind::kHeader, names_.front(), {}}, matcher_->literals()};
  }

 protected:
  bool test(Evaluation& evaluation) const override {
    if (names_.size() == 1) return matcher_->fits_any(evaluation.header(names_.front()), evaluation);
    std::vector<Value> values;
    for (const std::string& name : names_) {
      const std::vector<Value>& found = evaluation.header(name);
      values.insert(values.end(), found.begin(), found.end());
    }
    return matcher_->fits_any(values, evaluation);
  }
  std::string text() const override {
    std::string names;
    for (const std::string& name : written_) names += (names.empty() ? "" : ", ") + name;
    return "header " + names + ' ' + matcher_->text();
  }

 private:
  std::vector<std::string> written_, names_;
  std::unique_ptr<Matcher> matcher_;
};

void check_names(const std::vector<std::string>& names, const nlohmann::json& value, Compiler& compiler) {
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (mail::is_field_name(names[i])) continue;
    auto at = compiler.item(value, i);
    compiler.problem(in_quotes(names[i]) + " is no name of a header field",
                     names[i].ends_with(':') ? "leave the colon out" : "");
  }
}

}  // namespace

std::unique_ptr<Condition> make_header_test(const nlohmann::json& object, Compiler& compiler) {
  std::size_t before = compiler.problems();
  std::vector<std::string> names;
  {
    auto at = compiler.step("header");
    const nlohmann::json& value = *object.find("header");
    names = compiler.texts(value);
    check_names(names, value, compiler);
  }
  auto matcher = Matcher::compile(object, compiler);
  if (!matcher || compiler.problems() != before) return nullptr;
  return std::make_unique<HeaderTest>(std::move(names), std::move(matcher));
}

}  // namespace mailstead::router
