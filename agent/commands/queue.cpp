// mailstead queue list|show|retry|hold|release|drop: the deliveries not yet done.
#include "agent/commands/ask.h"
#include "agent/commands/command.h"
#include "agent/commands/list.h"
#include "agent/commands/table.h"
#include "mail/ascii.h"
#include "mail/escape.h"
#include "mail/units.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

namespace mailstead::agent {

namespace {

using nlohmann::json;

struct QueueArguments {
  std::vector<storage::DeliveryId> ids;
  std::string destination, recipient, older_than;
  bool json = false;

  [[nodiscard]] bool has_filter() const { return !destination.empty() || !recipient.empty() || !older_than.empty(); }
};

// What the options leave of the queue.
class Filter {
 public:
  Filter(const QueueArguments& arguments, mail::WallTime now) : arguments_(arguments), now_(now) {
    if (arguments.older_than.empty()) return;
    age_ = mail::parse_duration(arguments.older_than);
    if (!age_)
      throw Refusal{"--older-than", "\"" + mail::printable(arguments.older_than, 50) + "\" is not a duration",
                    "write 90s, 5m, 2h or 30d", kUsage};
  }
  [[nodiscard]] bool lets(const storage::QueuedDelivery& delivery) const {
    if (!arguments_.destination.empty() && delivery.destination != arguments_.destination) return false;
    if (age_ && now_ - delivery.created <= *age_) return false;
    return arguments_.recipient.empty() ||
           std::any_of(delivery.recipients.begin(), delivery.recipients.end(), [&](const std::string& recipient) {
             return mail::lowered(recipient).find(mail::lowered(arguments_.recipient)) != std::string::npos;
           });
  }

 private:
  const QueueArguments& arguments_;
  const mail::WallTime now_;
  std::optional<std::chrono::seconds> age_;
};

json to_json(const storage::QueuedDelivery& delivery) {
  return {{"id", delivery.id},
          {"destination", delivery.destination},
          {"sender", delivery.sender},
          {"recipients", delivery.recipients},
          {"folder", delivery.folder},
          {"size", delivery.size},
          {"created", delivery.created.time_since_epoch().count()},
          {"next_attempt", delivery.next_attempt.time_since_epoch().count()},
          {"attempts", delivery.attempts},
          {"answer_lost", delivery.answer_lost},
          {"held", delivery.held},
          {"crashes", delivery.crashes},
          {"quarantined", delivery.quarantined},
          {"last_error", delivery.last_error},
          {"message_id", mail::printable(delivery.message_id)},
          {"from", delivery.from},
          {"subject", delivery.subject}};
}

std::vector<storage::QueuedDelivery> read_queue(const Config& config, const QueueArguments& arguments) {
  const Filter filter(arguments, mail::SystemClock().wall());
  const auto store = open_to_read(config);
  auto deliveries = store ? store->queue().list() : std::vector<storage::QueuedDelivery>{};
  std::erase_if(deliveries, [&](const auto& delivery) { return !filter.lets(delivery); });
  return deliveries;
}

std::string next_try(const storage::QueuedDelivery& delivery, mail::WallTime now) {
  if (delivery.quarantined) return "quarantine";
  if (delivery.held) return "held";
  return delivery.next_attempt <= now ? "now" : relative_time(delivery.next_attempt, now);
}

int list(const GlobalOptions& options, const QueueArguments& arguments) {
  const auto deliveries = read_queue(*load(options), arguments);
  if (arguments.json) {
    json all = json::array();
    for (const auto& delivery : deliveries) all.push_back(to_json(delivery));
    fmt::print("{}\n", all.dump(2, ' ', false, json::error_handler_t::replace));
    return kDone;
  }
  if (deliveries.empty()) {
    fmt::print("{}\n", arguments.has_filter() ? "nothing in the queue fits" : "the queue is empty");
    return kDone;
  }
  const auto now = mail::SystemClock().wall();
  Table table({"ID", "DESTINATION", "TO", "SIZE", "AGE", "TRIES", "NEXT TRY", "LAST ANSWER"});
  for (const auto& delivery : deliveries)
    table.row({std::to_string(delivery.id), delivery.destination,
               mail::printable(fmt::format("{}", fmt::join(delivery.recipients, ", ")), 60),
               mail::format_size(delivery.size),
               mail::format_duration(std::max(now - delivery.created, std::chrono::seconds(0))),
               std::to_string(delivery.attempts), next_try(delivery, now), mail::printable(delivery.last_error, 100)});
  fmt::print("{}", table.text());
  return kDone;
}

void print(const storage::QueuedDelivery& delivery) {
  fmt::print("delivery {}\n", delivery.id);
  auto line = [](const char* name, const std::string& value) {
    if (!value.empty()) fmt::print("  {:<12} {}\n", name, mail::printable(value));
  };
  line("destination", delivery.destination);
  line("sender", delivery.sender.empty() ? "<>" : delivery.sender);
  line("recipients", fmt::format("{}", fmt::join(delivery.recipients, ", ")));
  line("folder", delivery.folder);
  line("from", delivery.from);
  line("subject", delivery.subject);
  line("message-id", delivery.message_id);
  line("size", mail::format_size(delivery.size));
  line("queued", local_time(delivery.created));
  line("next try", delivery.quarantined ? fmt::format("in quarantine: mailstead queue release {}", delivery.id)
                   : delivery.held      ? "held: mailstead queue release"
                                        : local_time(delivery.next_attempt));
  line("tries", std::to_string(delivery.attempts));
  line(delivery.quarantined ? "reason" : "last answer", delivery.last_error);
  if (delivery.answer_lost) line("note", "the answer to the last try was lost: the destination may have it already");
}

int show(const GlobalOptions& options, const QueueArguments& arguments) {
  const auto config = load(options);
  const auto store = open_to_read(*config);
  bool missing = false;
  json all = json::array();
  for (auto id : arguments.ids) {
    const auto delivery = store ? store->queue().find(id) : std::nullopt;
    if (!delivery) {
      complain("", fmt::format("there is no delivery {} in the queue", id), "see: mailstead queue list");
      missing = true;
    } else if (arguments.json) {
      all.push_back(to_json(*delivery));
    } else {
      print(*delivery);
    }
  }
  if (arguments.json) fmt::print("{}\n", all.dump(2, ' ', false, json::error_handler_t::replace));
  return missing ? kSomethingFailed : kDone;
}

int change(const GlobalOptions& options, const QueueArguments& arguments, const char* request_name, const char* done) {
  const auto config = load(options);
  json request{{"do", request_name}};
  if (arguments.has_filter()) {
    request["ids"] = json::array();
    // What is in quarantine is meant by its number alone.
    for (const auto& delivery : read_queue(*config, arguments))
      if (!delivery.quarantined) request["ids"].push_back(delivery.id);
  } else if (!arguments.ids.empty()) {
    request["ids"] = arguments.ids;
    request["by_number"] = true;
  }
  const auto answer = ask_or_do(*config, request);
  if (arguments.json)
    fmt::print("{}\n", answer.dump());
  else
    fmt::print("{} {}\n", answer.value("count", 0), done);
  for (const auto& id : answer.value("missing", json::array()))
    complain("", fmt::format("there is no delivery {} in the queue", id.get<storage::DeliveryId>()),
             "see: mailstead queue list");
  return answer.value("missing", json::array()).empty() ? kDone : kSomethingFailed;
}

}  // namespace

std::function<int()> add_queue(CLI::App& app, const GlobalOptions& options) {
  auto arguments = std::make_shared<QueueArguments>();
  auto chosen = std::make_shared<std::function<int()>>();
  app.require_subcommand(1);
  auto add = [&](const char* name, const char* summary, std::function<int()> run) {
    CLI::App* sub = app.add_subcommand(name, summary);
    sub->add_flag("--json", arguments->json, "The result as JSON");
    sub->callback([chosen, run] { *chosen = run; });
    return sub;
  };
  auto add_filter = [&](CLI::App* sub) {
    std::vector<CLI::Option*> filters{
        sub->add_option("--destination", arguments->destination, "Only those to this destination"),
        sub->add_option("--recipient", arguments->recipient, "Only those with this in a recipient's address"),
        sub->add_option("--older-than", arguments->older_than, "Only those queued longer ago: 2h, 3d")};
    return filters;
  };
  // Deliveries by number or by filter.
  auto add_change = [&](const char* name, const char* summary, const char* ids, bool needs_choice, const char* done) {
    const std::string request = std::string("queue ") + name;
    CLI::App* sub = add(name, summary, [&options, arguments, request, needs_choice, done] {
      if (needs_choice && arguments->ids.empty() && !arguments->has_filter())
        throw Refusal{"", "says not which", "give their numbers, or --destination, --recipient, --older-than", kUsage};
      return change(options, *arguments, request.c_str(), done);
    });
    CLI::Option* chosen_ids = sub->add_option("ID", arguments->ids, ids);
    for (CLI::Option* filter : add_filter(sub)) filter->excludes(chosen_ids);
  };
  add_filter(add("list", "All of them", [&options, arguments] { return list(options, *arguments); }));
  add("show", "Everything known of some", [&options, arguments] { return show(options, *arguments); })
      ->add_option("ID", arguments->ids, "Deliveries")
      ->required();
  add_change("retry", "Try now, those that are held too", "Deliveries (default: all)", false, "to be tried now");
  add_change("hold", "Keep from being tried until released", "Deliveries", true, "held");
  add_change("release", "End the hold; those in quarantine only by number", "Deliveries (default: all)", false,
             "released");
  add_change("drop", "Give up for good; the messages stay where else they lie", "Deliveries", true, "dropped");
  return [chosen] { return (*chosen)(); };
}

}  // namespace mailstead::agent
