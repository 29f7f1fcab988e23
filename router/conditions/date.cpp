// {"date": {"before"/"after": "2024-01-31" or "2024-01-31T08:00:00+01:00"}}: the Date field, or the time of arrival
// when there is none that can be read. A day alone is its midnight in UTC.
#include "mail/date.h"
#include "mail/header.h"
#include "router/conditions/kinds.h"

#include <re2/re2.h>
#include <nlohmann/json.hpp>

namespace mailstead::router {
namespace {

struct DateBounds {
  std::optional<mail::WallTime> before, after;
};

class DateTest final : public Condition {
 public:
  explicit DateTest(DateBounds bounds) : bounds_(bounds) {}

 protected:
  bool test(Evaluation& evaluation) const override {
    mail::WallTime time = date_of(evaluation.subject());
    if (evaluation.traces()) evaluation.saw(mail::format_date(time));
    return (!bounds_.before || time < *bounds_.before) && (!bounds_.after || time > *bounds_.after);
  }
  std::string text() const override {
    std::string out = "date";
    if (bounds_.after) out += " after " + mail::format_date(*bounds_.after);
    if (bounds_.before) out += " before " + mail::format_date(*bounds_.before);
    return out;
  }

 private:
  static mail::WallTime date_of(const Subject& subject) {
    if (const mail::HeaderField* field = subject.header.first("Date"))
      if (auto date = mail::parse_date(mail::unfold(field->value))) return date->utc;
    return subject.internal_date;
  }
  DateBounds bounds_;
};

// RFC 3339 §5.6, seconds may be missing, the time too.
std::optional<mail::WallTime> parse_moment(const std::string& text) {
  using namespace std::chrono;
  static const RE2 kForm(R"((\d{4})-(\d\d)-(\d\d)(?:[Tt ](\d\d):(\d\d)(?::(\d\d))?(Z|z|[+-]\d\d:\d\d)?)?)");
  int y = 0;
  unsigned m = 0, d = 0;
  std::string hour, minute, second, zone;
  if (!RE2::FullMatch(text, kForm, &y, &m, &d, &hour, &minute, &second, &zone)) return std::nullopt;
  auto number = [](const std::string& digits) { return digits.empty() ? 0 : std::stoi(digits); };
  year_month_day day{year(y), month(m), std::chrono::day(d)};
  if (!day.ok() || number(hour) > 23 || number(minute) > 59 || number(second) > 60) return std::nullopt;
  auto time = sys_days(day) + hours(number(hour)) + minutes(number(minute)) + seconds(number(second));
  if (zone.size() == 6) {
    auto offset = hours(std::stoi(zone.substr(1, 2))) + minutes(std::stoi(zone.substr(4, 2)));
    time = zone[0] == '+' ? time - offset : time + offset;
  }
  return time;
}

void read_moment(const nlohmann::json& object, std::string_view key, std::optional<mail::WallTime>& into,
                 Compiler& compiler) {
  auto found = object.find(key);
  if (found == object.end()) return;
  auto at = compiler.step(key);
  auto text = compiler.text(*found);
  if (!text) return;
  into = parse_moment(*text);
  if (!into)
    compiler.problem(in_quotes(*text) + " is not a date", R"(write "2024-01-31" or "2024-01-31T08:00:00+01:00")");
}

}  // namespace

std::unique_ptr<Condition> make_date_test(const nlohmann::json& object, Compiler& compiler) {
  std::size_t before = compiler.problems();
  auto at = compiler.step("date");
  const nlohmann::json& value = *object.find("date");
  if (!compiler.is_object(value, "a date test")) return nullptr;
  compiler.check_keys(value, keys_inside("date"), "a \"date\" test");
  DateBounds bounds;
  read_moment(value, "before", bounds.before, compiler);
  read_moment(value, "after", bounds.after, compiler);
  if (compiler.problems() != before) return nullptr;
  if (!bounds.before && !bounds.after) compiler.problem("says neither \"before\" nor \"after\"");
  if (bounds.before && bounds.after && *bounds.after >= *bounds.before)
    compiler.problem("no date is after the one and before the other", "exchange the two");
  if (compiler.problems() != before) return nullptr;
  return std::make_unique<DateTest>(bounds);
}

}  // namespace mailstead::router
