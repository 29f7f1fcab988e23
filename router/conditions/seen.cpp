// {"seen": TEMPLATE, "within": DURATION}: an earlier message, accepted within that time, came to the same text by this
// template (RFC 7352's "duplicate"). The time counts from the first of them; once it has passed, the next message is a
// first one again. Case counts. Where no variable of it has a value the message is like no other, and nothing is
// remembered.
#include "mail/date.h"
#include "mail/units.h"
#include "router/conditions/kinds.h"
#include "router/template.h"

#include <nlohmann/json.hpp>

namespace mailstead::router {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::seconds kUsual = 24h * 7;  // RFC 7352 §3
constexpr std::chrono::seconds kLongest = 24h * 366;

class SeenTest final : public Condition {
 public:
  SeenTest(Template key, std::chrono::seconds window) : key_(std::move(key)), window_(window) {}

 protected:
  bool test(Evaluation& evaluation) const override {
    const std::string value = key_.line(evaluation);
    if (key_.is_empty(evaluation)) {
      evaluation.saw("nothing to compare");
      return false;
    }
    const auto met = evaluation.met(
        mail::sha256("seen\n" + std::to_string(window_.count()) + '\n' + key_.written() + '\n' + value), window_);
    if (evaluation.traces()) evaluation.saw(value + (met ? ", met " + mail::format_date(*met) : ", not met before"));
    return met.has_value();
  }
  std::string text() const override {
    return "seen " + in_quotes(key_.written()) + " within " + mail::format_duration(window_);
  }

 private:
  Template key_;
  std::chrono::seconds window_;
};

std::chrono::seconds compile_window(const nlohmann::json& object, Compiler& compiler) {
  auto found = object.find("within");
  if (found == object.end()) return kUsual;
  auto at = compiler.step("within");
  const auto written = compiler.text(*found);
  if (!written) return kUsual;
  const auto duration = mail::parse_duration(*written);
  if (!duration) {
    compiler.problem(in_quotes(*written) + " is not a duration", R"(write "2h" or "30d")");
  } else if (duration->count() < 1 || *duration > kLongest) {
    compiler.problem(in_quotes(*written) + " is not from 1s to " + mail::format_duration(kLongest));
  }
  return duration.value_or(kUsual);
}

}  // namespace

std::unique_ptr<Condition> make_seen_test(const nlohmann::json& object, Compiler& compiler) {
  const std::size_t before = compiler.problems();
  const std::chrono::seconds window = compile_window(object, compiler);
  auto at = compiler.step("seen");
  const auto written = compiler.text(*object.find("seen"));
  if (!written) return nullptr;
  auto key = Template::compile(*written, compiler);
  if (key && key->is_fixed())
    compiler.problem("is the same for every message", R"(name what tells them apart, such as "${header:Message-ID}")");
  if (!key || compiler.problems() != before) return nullptr;
  return std::make_unique<SeenTest>(std::move(*key), window);
}

}  // namespace mailstead::router
