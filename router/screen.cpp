#include "router/screen.h"

#include <re2/set.h>

#include <map>

namespace mailstead::router {
namespace {

// Fewer rules at one place are as fast without.
constexpr std::size_t kMinRules = 8;
// A rule with more texts has a table of its own to look them up in.
constexpr std::size_t kMaxTexts = 50;

RE2::Options options() {
  RE2::Options made;
  made.set_log_errors(false);
  made.set_literal(true);
  made.set_max_mem(std::int64_t{64} << 20U);
  return made;
}

std::vector<Value>& values_at(const Place& place, Evaluation& evaluation) {
  switch (place.kind) {
    case Place::Kind::kHeader: break;
    case Place::Kind::kAddress: return evaluation.addresses(place.source).whole;
    case Place::Kind::kLocal: return evaluation.addresses(place.source).local;
    case Place::Kind::kDomain: return evaluation.addresses(place.source).domain;
  }
  return evaluation.header(place.field);
}

}  // namespace

struct Screen::Group {
  Place place;
  RE2::Set texts{options(), RE2::UNANCHORED};
  std::vector<std::size_t> rule_of;  // by text
};

Screen::~Screen() = default;
Screen::Screen(Screen&&) noexcept = default;

Screen::Screen(const std::vector<Rule>& rules) : group_of_(rules.size(), kNone) {
  std::map<Place, std::vector<std::pair<std::size_t, Needle>>> by_place;
  for (std::size_t i = 0; i < rules.size(); ++i) {
    if (rules[i].condition == nullptr) continue;
    auto needle = rules[i].condition->needle();
    if (!needle || needle->texts.empty() || needle->texts.size() > kMaxTexts) continue;
    by_place[needle->place].emplace_back(i, std::move(*needle));
  }
  for (const auto& [place, needles] : by_place) {
    if (needles.size() < kMinRules) continue;
    auto group = std::make_unique<Group>();
    group->place = place;
    bool whole = true;
    for (const auto& [rule, needle] : needles) {
      for (const std::string& text : needle.texts) {
        whole = whole && group->texts.Add(text, nullptr) >= 0;
        group->rule_of.push_back(rule);
      }
    }
    if (!whole || !group->texts.Compile()) continue;
    for (const auto& [rule, needle] : needles) group_of_[rule] = static_cast<std::uint32_t>(groups_.size());
    groups_.push_back(std::move(group));
  }
}

Screen::Pass::Pass(const Screen& screen, Evaluation& evaluation)
    : screen_(screen), evaluation_(evaluation), groups_(screen.groups_.size()), found_(screen.group_of_.size()) {}

bool Screen::Pass::may_match(std::size_t rule) {
  const std::uint32_t group = screen_.group_of_[rule];
  if (group == kNone) return true;
  if (groups_[group] == State::kAhead) search(group);
  return groups_[group] == State::kUnknown || found_[rule];
}

void Screen::Pass::search(std::size_t group) {
  const Group& one = *screen_.groups_[group];
  groups_[group] = State::kKnown;
  std::vector<int> texts;
  for (Value& value : values_at(one.place, evaluation_)) {
    RE2::Set::ErrorInfo error{};
    const std::string& seen = value.folded();
    if (one.texts.Match(re2::StringPiece(seen.data(), seen.size()), &texts, &error)) {
      for (int text : texts) found_[one.rule_of[static_cast<std::size_t>(text)]] = true;
    } else if (error.kind != RE2::Set::kNoError) {
      groups_[group] = State::kUnknown;  // out of its memory: every rule is tried
    }
  }
}

}  // namespace mailstead::router
