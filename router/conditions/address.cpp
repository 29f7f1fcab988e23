// {"address": WHICH or [WHICH…], OP or "domain" or "local": …}.
//
// An operator looks at the bare address, local@domain. "domain" and "local" are globs over the one part, any of a
// list: "bank.example" is that domain alone, "*.bank.example" those below it. "in" is a file of addresses and domains.
#include "router/conditions/kinds.h"
#include "router/matcher.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <stdexcept>

namespace mailstead::router {
namespace {

constexpr std::array<std::string_view, 8> kNames = {
    "from", "to", "cc", "sender", "reply-to", "any-recipient", "envelope-from", "envelope-to"};
constexpr std::array<AddressSource, 8> kSources = {
    AddressSource::kFrom,    AddressSource::kTo,           AddressSource::kCc,           AddressSource::kSender,
    AddressSource::kReplyTo, AddressSource::kAnyRecipient, AddressSource::kEnvelopeFrom, AddressSource::kEnvelopeTo};

struct Which {
  std::vector<std::string> names;
  std::vector<AddressSource> sources;
  [[nodiscard]] std::string text() const {
    std::string out;
    for (const std::string& name : names) out += (out.empty() ? "" : ", ") + name;
    return "address " + out;
  }
};

class WholeAddressTest final : public Condition {
 public:
  WholeAddressTest(Which which, std::unique_ptr<Matcher> matcher)
      : which_(std::move(which)), matcher_(std::move(matcher)) {}
  std::optional<Needle> needle() const override {
    if (which_.sources.size() != 1) return std::nullopt;
    return Needle{{Place::Kind::kAddress, {}, which_.sources.front()}, matcher_->literals()};
  }

 protected:
  bool test(Evaluation& evaluation) const override {
    if (which_.sources.size() == 1)
      return matcher_->fits_any(evaluation.addresses(which_.sources.front()).whole, evaluation);
    std::vector<Value> values;
    for (AddressSource source : which_.sources) {
      const auto& found = evaluation.addresses(source).whole;
      values.insert(values.end(), found.begin(), found.end());
    }
    return matcher_->fits_any(values, evaluation);
  }
  std::string text() const override { return which_.text() + ' ' + matcher_->text(); }

 private:
  Which which_;
  std::unique_ptr<Matcher> matcher_;
};

class AddressPartTest final : public Condition {
 public:
  AddressPartTest(Which which, std::string_view part, GlobSet globs)
      : which_(std::move(which)), part_(part), globs_(std::move(globs)) {}
  std::optional<Needle> needle() const override {
    if (which_.sources.size() != 1) return std::nullopt;
    const auto kind = part_ == "domain" ? Place::Kind::kDomain : Place::Kind::kLocal;
    return Needle{{kind, {}, which_.sources.front()}, globs_.literals()};
  }

 protected:
  bool test(Evaluation& evaluation) const override {
    for (AddressSource source : which_.sources) {
      AddressValues& found = evaluation.addresses(source);
      std::vector<Value>& parts = part_ == "domain" ? found.domain : found.local;
      for (std::size_t i = 0; i < parts.size(); ++i) {
        if (!globs_.fits(parts[i])) continue;
        evaluation.saw(found.whole[i].text());
        return true;
      }
      if (!parts.empty()) evaluation.saw(found.whole.front().text());
    }
    return false;
  }
  std::string text() const override {
    return which_.text() + ' ' + std::string(part_) + " is " + listed(globs_.patterns());
  }

 private:
  Which which_;
  std::string_view part_;
  GlobSet globs_;
};

class ListedAddressTest final : public Condition {
 public:
  ListedAddressTest(Which which, std::string file) : which_(std::move(which)), file_(std::move(file)) {}

 protected:
  bool test(Evaluation& evaluation) const override {
    const Lists* lists = evaluation.subject().lists;
    if (lists == nullptr) throw std::runtime_error("there is nobody to read " + file_);
    for (AddressSource source : which_.sources) {
      for (const Value& address : evaluation.addresses(source).whole) {
        std::string entry;
        if (lists->holds(file_, address.text(), entry)) {
          evaluation.saw(address.text() + " (" + entry + ")");
          return true;
        }
        evaluation.saw(address.text());
      }
    }
    return false;
  }
  std::string text() const override { return which_.text() + " in " + file_; }

 private:
  Which which_;
  std::string file_;
};

std::unique_ptr<Condition> compile_listed(Which which, const nlohmann::json& object, Compiler& compiler) {
  for (const auto& [key, value] : object.items()) {
    if (key == "address" || key == "in") continue;
    auto at = compiler.step(key);
    compiler.problem("both \"in\" and " + in_quotes(key) + " in one test", "write two tests in \"all\"");
  }
  auto at = compiler.step("in");
  const std::size_t before = compiler.problems();
  auto file = compiler.text(*object.find("in"));
  if (!file) return nullptr;
  if (file->front() != '/' && !file->starts_with("~/"))
    compiler.problem(in_quotes(*file) + " begins nowhere", "write the path of a file, from \"/\" or \"~/\"");
  if (file->find('\0') != std::string::npos) compiler.problem("contains a NUL");
  if (compiler.problems() != before) return nullptr;
  return std::make_unique<ListedAddressTest>(std::move(which), *std::move(file));
}

Which compile_which(const nlohmann::json& value, Compiler& compiler) {
  auto at = compiler.step("address");
  Which which;
  which.names = compiler.texts(value);
  for (std::size_t i = 0; i < which.names.size(); ++i) {
    auto found = std::find(kNames.begin(), kNames.end(), which.names[i]);
    if (found != kNames.end()) {
      which.sources.push_back(kSources[static_cast<std::size_t>(found - kNames.begin())]);
      continue;
    }
    auto at_item = compiler.item(value, i);
    compiler.problem(in_quotes(which.names[i]) + " is not one of " + enumerated(kNames),
                     did_you_mean(which.names[i], kNames));
  }
  return which;
}

// "domain" or "local" if either is there; "" if an operator is meant or after a problem.
std::string_view part_of(const nlohmann::json& object, Compiler& compiler) {
  bool domain = object.contains("domain");
  bool local = object.contains("local");
  if (!domain && !local) return {};
  std::string_view part = domain ? "domain" : "local";
  for (const auto& [key, value] : object.items()) {
    if (key == "address" || key == "case" || key == part) continue;
    if (keys_inside("body").end() == std::find(keys_inside("body").begin(), keys_inside("body").end(), key) &&
        key != "local")
      continue;
    auto at = compiler.step(key);
    compiler.problem("both " + in_quotes(part) + " and " + in_quotes(key) + " in one test",
                     "write two tests in \"all\"");
  }
  return part;
}

}  // namespace

std::span<const std::string_view> address_names() noexcept {
  return kNames;
}

std::unique_ptr<Condition> make_address_test(const nlohmann::json& object, Compiler& compiler) {
  std::size_t before = compiler.problems();
  Which which = compile_which(*object.find("address"), compiler);
  if (object.contains("in")) {
    auto made = compile_listed(std::move(which), object, compiler);
    return compiler.problems() == before ? std::move(made) : nullptr;
  }
  std::string_view part = part_of(object, compiler);
  if (part.empty()) {
    auto matcher = Matcher::compile(object, compiler);
    if (!matcher || compiler.problems() != before) return nullptr;
    return std::make_unique<WholeAddressTest>(std::move(which), std::move(matcher));
  }
  bool exact_case = false;
  if (auto found = object.find("case"); found != object.end()) {
    auto at = compiler.step("case");
    exact_case = compiler.boolean(*found).value_or(false);
  }
  auto at = compiler.step(part);
  auto globs = GlobSet::compile(*object.find(part), exact_case, compiler);
  if (!globs || compiler.problems() != before) return nullptr;
  return std::make_unique<AddressPartTest>(std::move(which), part, std::move(*globs));
}

}  // namespace mailstead::router
