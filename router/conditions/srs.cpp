// {"srs": DESTINATION}: the message was sent to an address by which that destination rewrote a sender (mail/srs.h): it
// is a bounce, and ${srs} the one to whom it belongs. Forged and old addresses do not match.
#include "router/conditions/kinds.h"

#include <nlohmann/json.hpp>

namespace mailstead::router {
namespace {

using Reverse = std::function<std::optional<std::string>(std::string_view, mail::WallTime)>;

class SrsTest final : public Condition {
 public:
  SrsTest(std::string destination, Reverse reverse)
      : destination_(std::move(destination)), reverse_(std::move(reverse)) {}

 protected:
  bool test(Evaluation& evaluation) const override {
    for (const AddressSource source : {AddressSource::kEnvelopeTo, AddressSource::kTo}) {
      for (const Value& address : evaluation.addresses(source).whole) {
        auto sender = reverse_(address.text(), evaluation.subject().now);
        if (!sender) continue;
        evaluation.saw(address.text());
        evaluation.srs_sender = *std::move(sender);
        return true;
      }
    }
    return false;
  }
  std::string text() const override { return "srs of " + destination_; }

 private:
  std::string destination_;
  Reverse reverse_;
};

}  // namespace

std::unique_ptr<Condition> make_srs_test(const nlohmann::json& object, Compiler& compiler) {
  auto at = compiler.step("srs");
  const auto name = compiler.text(*object.find("srs"));
  if (!name) return nullptr;
  compiler.facts().has_srs = compiler.facts().has_srs || compiler.negations == 0;
  const auto& rewriting = compiler.context().rewriting;
  const auto found = rewriting.find(*name);
  if (found == rewriting.end()) {
    const bool exists = compiler.context().destinations.contains(*name);
    compiler.problem(exists ? in_quotes(*name) + " rewrites no senders" : "there is no destination " + in_quotes(*name),
                     exists ? R"(give it "from": {"srs": …})" : did_you_mean(*name, compiler.context().destinations));
    return nullptr;
  }
  return std::make_unique<SrsTest>(*name, found->second);
}

}  // namespace mailstead::router
