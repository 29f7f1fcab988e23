// {"auth": {"spf"/"dkim"/"dmarc"/"arc"/"iprev": RESULT or [RESULTS], "by": AUTHSERV-ID}}: what the server of that name
// found out about the message (RFC 8601). All methods named must have one of their results.
//
// A method's verdict is that of the topmost field by the server that gives one: a field that the sender wrote in the
// server's name lies below what the server itself wrote.
#include "mail/ascii.h"
#include "mail/authentication_results.h"
#include "router/conditions/kinds.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>

namespace mailstead::router {
namespace {

// RFC 8601 §2.7.
constexpr std::array<std::string_view, 8> kResults = {"pass", "fail",   "softfail",  "neutral",
                                                      "none", "policy", "temperror", "permerror"};

struct Wanted {
  std::string method;
  std::vector<std::string> results;
};

class AuthTest final : public Condition {
 public:
  AuthTest(std::string server, std::vector<Wanted> wanted) : server_(std::move(server)), wanted_(std::move(wanted)) {}

 protected:
  bool test(Evaluation& evaluation) const override {
    std::vector<mail::AuthenticationResults> fields;
    for (const Value& value : evaluation.header("authentication-results")) {
      auto field = mail::parse_authentication_results(value.text());
      if (field && field->server == server_) fields.push_back(std::move(*field));
    }
    if (fields.empty()) {
      evaluation.saw("no results by " + server_);
      return false;
    }
    std::string saw;
    bool all = true;
    for (const Wanted& wanted : wanted_) {
      const auto results = verdict(fields, wanted.method);
      const bool fits = std::find_first_of(results.begin(), results.end(), wanted.results.begin(),
                                           wanted.results.end()) != results.end();
      all = all && fits;
      saw += (saw.empty() ? "" : ", ") + wanted.method + '=' + (results.empty() ? "(not told)" : joined(results));
    }
    evaluation.saw(saw);
    return all;
  }
  std::string text() const override {
    std::string text = "auth by " + server_ + ':';
    for (const Wanted& wanted : wanted_) text += ' ' + wanted.method + '=' + joined(wanted.results);
    return text;
  }

 private:
  // Several where a message has several signatures.
  static std::vector<std::string> verdict(const std::vector<mail::AuthenticationResults>& fields,
                                          const std::string& method) {
    std::vector<std::string> results;
    for (const auto& field : fields) {
      for (const auto& one : field.results)
        if (one.method == method) results.push_back(one.result == "hardfail" ? "fail" : one.result);  // RFC 5451's word
      if (!results.empty()) break;
    }
    return results;
  }
  static std::string joined(const std::vector<std::string>& words) {
    std::string text;
    for (const std::string& word : words) text += (text.empty() ? "" : "/") + word;
    return text;
  }

  std::string server_;
  std::vector<Wanted> wanted_;
};

std::optional<Wanted> compile_wanted(std::string_view method, const nlohmann::json& value, Compiler& compiler) {
  Wanted wanted{std::string(method), compiler.texts(value)};
  bool known = !wanted.results.empty();
  for (std::size_t i = 0; i < wanted.results.size(); ++i) {
    wanted.results[i] = mail::lowered(wanted.results[i]);
    if (std::find(kResults.begin(), kResults.end(), wanted.results[i]) != kResults.end()) continue;
    auto at = compiler.item(value, i);
    const std::string meant = did_you_mean(wanted.results[i], kResults);
    compiler.problem(in_quotes(wanted.results[i]) + " is no result of " + std::string(method),
                     meant.empty() ? "there are " + enumerated(kResults) : meant);
    known = false;
  }
  if (!known) return std::nullopt;
  return wanted;
}

}  // namespace

std::unique_ptr<Condition> make_auth_test(const nlohmann::json& object, Compiler& compiler) {
  auto at = compiler.step("auth");
  const nlohmann::json& value = *object.find("auth");
  const std::size_t before = compiler.problems();
  if (!compiler.is_object(value, "what to look for")) return nullptr;
  compiler.check_keys(value, keys_inside("auth"), "auth");
  const auto keys = keys_inside("auth");
  std::vector<Wanted> wanted;
  for (const auto& [key, results] : value.items()) {
    if (key == "by" || std::find(keys.begin(), keys.end(), key) == keys.end()) continue;
    auto inside = compiler.step(key);
    if (auto one = compile_wanted(key, results, compiler)) wanted.push_back(std::move(*one));
  }
  std::optional<std::string> server;
  if (const auto by = value.find("by"); by != value.end()) {
    auto inside = compiler.step("by");
    server = compiler.text(*by);
    if (server && mail::trim(*server).empty()) compiler.problem("the name of the server is empty");
  } else {
    compiler.problem("\"by\" is missing: anybody can write results",
                     "name the server whose results count, as its Authentication-Results fields begin");
  }
  if (compiler.problems() != before) return nullptr;
  if (wanted.empty()) {
    compiler.problem("no method to look at", "there are spf, dkim, dmarc, arc, iprev");
    return nullptr;
  }
  return std::make_unique<AuthTest>(mail::lowered(mail::trim(*server)), std::move(wanted));
}

}  // namespace mailstead::router
