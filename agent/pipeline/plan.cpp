#include "agent/pipeline/plan.h"

#include "mail/escape.h"
#include "mail/header_edit.h"

#include <fmt/format.h>

#include <map>

namespace mailstead::agent {

namespace {

class Planner {
 public:
  Planner(const Config& config, const router::Decision& decision, const Examined& message,
          storage::Acceptance& acceptance)
      : config_(config), decision_(decision), message_(message), acceptance_(acceptance) {
    keep(message.content, message.facts);
  }

  void run() {
    for (const auto& note : decision_.notes) event("rule", mail::printable(note));
    for (const auto& planned : decision_.deliveries) plan(planned);
    if (!acceptance_.placements.empty() || !acceptance_.deliveries.empty()) return;
    if (decision_.discarded) {
      acceptance_.discarded = true;
      event("discarded", fmt::format("by rule \"{}\"", decision_.discarded_by));
      return;
    }
    event("rule", "none decided and there is no default destination");
    place(config_.undelivered_user, "INBOX", {}, 0);
  }

 private:
  void plan(const router::PlannedDelivery& planned) {
    const std::string& name = planned.destination.empty() ? config_.redirect_destination : planned.destination;
    auto found = config_.destinations.find(name);
    if (found == config_.destinations.end()) {
      event("rule", mail::printable(fmt::format("\"{}\": there is no destination \"{}\"", planned.rule, name)));
      place(config_.undelivered_user, "INBOX", planned.flags, planned.edits);
      return;
    }
    const DestinationConfig& destination = found->second;
    event("rule", mail::printable(planned.rule == "default" ? "none decided: default destination " + name
                                                            : fmt::format("\"{}\": to {}", planned.rule, name)));
    if (destination.type == DestinationConfig::Type::kMailbox)
      place(destination.user, planned.folder.empty() ? destination.folder : planned.folder, planned.flags,
            planned.edits);
    else
      queue(destination, planned);
  }

  // The store writes the history of placements and deliveries itself; here is only why.
  void place(const std::string& user, const std::string& folder, const mail::Flags& flags, std::size_t edits) {
    acceptance_.placements.push_back({user, folder, flags, acceptance_.internal_date, content_with(edits)});
  }

  void queue(const DestinationConfig& destination, const router::PlannedDelivery& planned) {
    storage::NewDelivery delivery;
    delivery.destination = destination.name;
    delivery.sender = destination.from.empty() ? message_.sender : destination.from == "<>" ? "" : destination.from;
    delivery.recipients = planned.to.empty() ? destination.to : planned.to;
    delivery.folder = planned.folder;
    delivery.flags = planned.flags;
    delivery.internal_date = acceptance_.internal_date;
    delivery.content = content_with(planned.edits);
    acceptance_.deliveries.push_back(std::move(delivery));
  }

  // The index of the message with the first `edits` edits applied; each form is made and scanned once.
  std::size_t content_with(std::size_t edits) {
    if (edits == 0) return 0;
    auto [entry, is_new] = edited_.try_emplace(edits, 0);
    if (!is_new) return entry->second;
    auto bytes =
        mail::apply_edits(message_.content, message_.facts.header.size(), std::span(decision_.edits).first(edits));
    const auto facts = scan(*bytes);
    keep(std::move(bytes), facts);
    entry->second = acceptance_.contents.size() - 1;
    return entry->second;
  }

  void keep(std::shared_ptr<const mail::Content> bytes, const mail::MessageFacts& facts) {
    acceptance_.contents.push_back(
        {std::move(bytes), facts.content, facts.header.size(), mail::encode_structure(facts.structure)});
  }

  void event(std::string kind, std::string text) {
    acceptance_.events.push_back({acceptance_.now, std::move(kind), std::move(text)});
  }

  const Config& config_;
  const router::Decision& decision_;
  const Examined& message_;
  storage::Acceptance& acceptance_;
  std::map<std::size_t, std::size_t> edited_;
};

}  // namespace

void plan_acceptance(const Config& config, const router::Decision& decision, const Examined& message,
                     storage::Acceptance& acceptance) {
  Planner(config, decision, message, acceptance).run();
}

}  // namespace mailstead::agent
