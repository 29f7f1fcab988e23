#include "agent/pipeline/plan.h"

#include "mail/auto_reply.h"
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

  std::vector<std::shared_ptr<const mail::Content>> runs() {
    std::vector<std::shared_ptr<const mail::Content>> contents;
    for (const router::PlannedRun& run : decision_.runs)
      contents.push_back(acceptance_.contents[content_of(run.form)].bytes);
    return contents;
  }

  void run() {
    for (const auto& note : decision_.notes) event("rule", mail::printable(note));
    plan_way();
    const bool answers = is_wanted();
    for (const auto& planned : decision_.replies) {
      if (answers) {
        reply(planned);
      } else {
        event("rule", mail::printable(fmt::format("\"{}\": not answered: the message is not wanted", planned.rule)));
      }
    }
    for (const auto& one : decision_.remembered) {
      const auto is_of = [&](const auto& planned) { return planned.key == one.key; };
      if (!answers && std::any_of(decision_.replies.begin(), decision_.replies.end(), is_of)) continue;
      acceptance_.remembered.push_back({one.key, one.window});
    }
  }

 private:
  // What rules discard or set aside gets no answer: its sender may be somebody else.
  [[nodiscard]] bool is_wanted() const {
    return !acceptance_.discarded && std::none_of(decision_.deliveries.begin(), decision_.deliveries.end(),
                                                  [](const auto& one) { return !one.quarantine.empty(); });
  }

  void plan_way() {
    for (const auto& planned : decision_.deliveries) plan(planned);
    if (!acceptance_.placements.empty() || !acceptance_.deliveries.empty()) return;
    if (decision_.discarded) {
      acceptance_.discarded = true;
      event("discarded", fmt::format("by rule \"{}\"", decision_.discarded_by));
      return;
    }
    event("rule", "none decided and there is no default destination");
    place(config_.undelivered_user, "INBOX", {}, {});
  }

  // What comes of it is no way of the message itself.
  void reply(const router::PlannedReply& planned) {
    const std::string& name = planned.destination.empty() ? config_.redirect_destination : planned.destination;
    if (!config_.destinations.contains(name))
      return event("rule", mail::printable(fmt::format("\"{}\": nothing can carry the answer", planned.rule)));
    const std::string mark = fmt::format("{}/{}/{}/{}", mail::to_hex(message_.facts.content), planned.to, planned.rule,
                                         acceptance_.now.time_since_epoch().count());
    auto bytes = std::make_shared<mail::MemoryContent>(mail::build_auto_reply(
        {planned.from, planned.to, planned.subject, planned.text, message_.facts.header, acceptance_.now,
         config_.host_name, "reply." + mail::to_hex(mail::sha256(mark)).substr(0, 32)}));
    const auto facts = scan(*bytes);
    keep(std::move(bytes), facts);
    storage::NewDelivery delivery;
    delivery.destination = name;
    delivery.recipients = {planned.to};
    delivery.internal_date = acceptance_.now;
    delivery.content = acceptance_.contents.size() - 1;
    acceptance_.deliveries.push_back(std::move(delivery));
  }

  void plan(const router::PlannedDelivery& planned) {
    const std::string& name = planned.destination.empty() ? config_.redirect_destination : planned.destination;
    auto found = config_.destinations.find(name);
    if (found == config_.destinations.end()) {
      event("rule", mail::printable(fmt::format("\"{}\": there is no destination \"{}\"", planned.rule, name)));
      place(config_.undelivered_user, "INBOX", planned.flags, planned.form);
      return;
    }
    const DestinationConfig& destination = found->second;
    event("rule", mail::printable(planned.rule == "default" ? "none decided: default destination " + name
                                                            : fmt::format("\"{}\": to {}", planned.rule, name)));
    if (destination.type == DestinationConfig::Type::kMailbox && planned.quarantine.empty())
      place(destination.user, planned.folder.empty() ? destination.folder : planned.folder, planned.flags,
            planned.form);
    else
      queue(destination, planned);
  }

  // The store writes the history of placements and deliveries itself; here is only why.
  void place(const std::string& user, const std::string& folder, const mail::Flags& flags, const router::Form& form) {
    acceptance_.placements.push_back({user, folder, flags, acceptance_.internal_date, content_of(form)});
  }

  void queue(const DestinationConfig& destination, const router::PlannedDelivery& planned) {
    storage::NewDelivery delivery;
    delivery.destination = destination.name;
    delivery.sender = sender_for(destination);
    delivery.recipients = planned.to.empty() ? destination.to : planned.to;
    delivery.folder = planned.folder;
    delivery.flags = planned.flags;
    delivery.internal_date = acceptance_.internal_date;
    delivery.content = content_of(planned.form);
    delivery.quarantine = planned.quarantine;
    acceptance_.deliveries.push_back(std::move(delivery));
  }

  // Without the secret nothing can be signed: the message's own sender is better than none at all.
  std::string sender_for(const DestinationConfig& destination) {
    if (!destination.srs) {
      if (destination.from.empty()) return message_.sender;
      return destination.from == "<>" ? "" : destination.from;
    }
    try {
      return destination.srs->srs().forward(message_.sender, acceptance_.now);
    } catch (const mail::Failure& failure) {
      event("rule", "the sender is not rewritten: " + failure.text());
      return message_.sender;
    }
  }

  // The index of the message in that form; each form is made and scanned once.
  std::size_t content_of(const router::Form& form) {
    const router::Filtered* filtered = form.filters == 0 ? nullptr : &decision_.filtered[form.filters - 1];
    const std::size_t begin = filtered == nullptr ? 0 : filtered->edits;
    if (filtered == nullptr && form.edits == 0) return 0;
    auto [entry, is_new] = forms_.try_emplace(form, 0);
    if (!is_new) return entry->second;
    if (form.edits == begin) {
      keep(filtered->content, filtered->facts);
    } else {
      const auto& base = filtered == nullptr ? message_.content : filtered->content;
      const mail::MessageFacts& facts = filtered == nullptr ? message_.facts : filtered->facts;
      auto bytes =
          mail::apply_edits(base, facts.header.size(), std::span(decision_.edits).subspan(begin, form.edits - begin));
      const auto edited = scan(*bytes);
      keep(std::move(bytes), edited);
    }
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
  std::map<router::Form, std::size_t> forms_;
};

}  // namespace

std::vector<std::shared_ptr<const mail::Content>> plan_acceptance(const Config& config,
                                                                  const router::Decision& decision,
                                                                  const Examined& message,
                                                                  storage::Acceptance& acceptance) {
  Planner planner(config, decision, message, acceptance);
  planner.run();
  return planner.runs();
}

}  // namespace mailstead::agent
