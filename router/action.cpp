#include "router/action.h"

#include "mail/header_edit.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace mailstead::router {
namespace {

std::vector<std::string_view> kind_names() {
  std::vector<std::string_view> names;
  for (const ActionKind& kind : action_kinds()) names.push_back(kind.key);
  return names;
}

void report_no_action(const nlohmann::json& object, Compiler& compiler) {
  if (object.empty()) {
    compiler.problem("an empty action", "there are " + enumerated(kind_names()));
    return;
  }
  std::vector<std::string_view> names = kind_names();
  std::string key = object.begin().key();
  std::string hint;
  for (const auto& [name, value] : object.items()) {
    std::string near = did_you_mean(name, names);
    if (near.empty()) continue;
    key = name;
    hint = near;
    break;
  }
  if (hint.empty()) {
    bool of_the_rule = key == "continue" || key == "name" || key == "if";
    hint = of_the_rule ? in_quotes(key) + " belongs to the rule, beside \"then\"" : "there are " + enumerated(names);
  }
  auto at = compiler.step(key);
  compiler.problem("unknown action " + in_quotes(key), hint);
}

const ActionKind* kind_of(const nlohmann::json& object, Compiler& compiler) {
  const ActionKind* found = nullptr;
  for (const ActionKind& kind : action_kinds()) {
    if (!object.contains(kind.key)) continue;
    if (found != nullptr) {
      auto at = compiler.step(kind.key);
      compiler.problem(
          "two actions, " + in_quotes(found->key) + " and " + in_quotes(kind.key) + ", in one pair of braces",
          "put each into braces of its own: they are done in order");
      return nullptr;
    }
    found = &kind;
  }
  if (found == nullptr) report_no_action(object, compiler);
  return found;
}

}  // namespace

void Walk::deliver(std::string destination, std::string folder, std::vector<std::string> to) {
  went = true;
  auto same = [&](const PlannedDelivery& other) {
    return other.destination == destination && other.folder == folder && other.to == to;
  };
  auto& deliveries = decision.deliveries;
  if (std::any_of(deliveries.begin(), deliveries.end(), same)) return;
  deliveries.push_back({std::move(destination), std::move(folder), std::move(to), flags, form(), rule, {}});
}

void Walk::report(std::string what) {
  if (done != nullptr) done->push_back(std::move(what));
}

void Walk::trouble(std::string what) {
  decision.troubles.push_back(what);
  evaluation.note(std::move(what));
}

void Walk::postpone(const mail::Failure& failure) {
  const std::string why = "rule " + in_quotes(rule) + ": " + failure.text() + "; the message waits on its server";
  trouble(why);
  decision.postponed = mail::Failure(mail::FailureKind::kTemporary, failure.scope(), why);
}

std::shared_ptr<const mail::Content> Walk::message() const {
  const Subject& subject = evaluation.subject();
  std::shared_ptr<const mail::Content> content(std::shared_ptr<void>(), &subject.content);  // owned by who asks
  mail::ByteCount header_size = subject.facts.header.size();
  std::size_t begin = 0;
  if (!decision.filtered.empty()) {
    const Filtered& last = decision.filtered.back();
    content = last.content;
    header_size = last.facts.header.size();
    begin = last.edits;
  }
  if (begin == decision.edits.size()) return content;
  return mail::apply_edits(std::move(content), header_size, std::span(decision.edits).subspan(begin));
}

std::unique_ptr<Action> compile_action(const nlohmann::json& value, Compiler& compiler) {
  if (!compiler.is_object(value, "an action")) return nullptr;
  const ActionKind* kind = kind_of(value, compiler);
  if (kind == nullptr) return nullptr;
  std::vector<std::string_view> allowed{kind->key};
  allowed.insert(allowed.end(), kind->with.begin(), kind->with.end());
  compiler.check_keys(value, allowed, "the action " + in_quotes(kind->key));
  return kind->make(value, compiler);
}

}  // namespace mailstead::router
