// mailstead queue list|show|retry|drop: the deliveries not yet done.
#include "agent/commands/ask.h"
#include "agent/commands/command.h"
#include "agent/commands/list.h"
#include "agent/commands/table.h"
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
  bool json = false, all = false;
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
          {"last_error", delivery.last_error},
          {"message_id", mail::printable(delivery.message_id)},
          {"from", delivery.from},
          {"subject", delivery.subject}};
}

std::vector<storage::QueuedDelivery> read_queue(const Config& config) {
  const auto store = open_to_read(config);
  return store ? store->queue().list() : std::vector<storage::QueuedDelivery>{};
}

int list(const GlobalOptions& options, const QueueArguments& arguments) {
  const auto deliveries = read_queue(*load(options));
  if (arguments.json) {
    json all = json::array();
    for (const auto& delivery : deliveries) all.push_back(to_json(delivery));
    fmt::print("{}\n", all.dump(2, ' ', false, json::error_handler_t::replace));
    return kDone;
  }
  if (deliveries.empty()) {
    fmt::print("the queue is empty\n");
    return kDone;
  }
  const auto now = mail::SystemClock().wall();
  Table table({"ID", "DESTINATION", "TO", "SIZE", "AGE", "TRIES", "NEXT TRY", "LAST ANSWER"});
  for (const auto& delivery : deliveries)
    table.row({std::to_string(delivery.id), delivery.destination,
               mail::printable(fmt::format("{}", fmt::join(delivery.recipients, ", ")), 60),
               mail::format_size(delivery.size),
               mail::format_duration(std::max(now - delivery.created, std::chrono::seconds(0))),
               std::to_string(delivery.attempts),
               delivery.next_attempt <= now ? "now" : relative_time(delivery.next_attempt, now),
               mail::printable(delivery.last_error, 100)});
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
  line("next try", local_time(delivery.next_attempt));
  line("tries", std::to_string(delivery.attempts));
  line("last answer", delivery.last_error);
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
  json request{{"do", request_name}};
  if (!arguments.ids.empty()) request["ids"] = arguments.ids;
  const auto answer = ask_or_do(*load(options), request);
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
  add("list", "All of them", [&options, arguments] { return list(options, *arguments); });
  add("show", "Everything known of some", [&options, arguments] { return show(options, *arguments); })
      ->add_option("ID", arguments->ids, "Deliveries")
      ->required();
  add("retry", "Try now: those named, or all", [&options, arguments] {
    return change(options, *arguments, "queue retry", "to be tried now");
  })->add_option("ID", arguments->ids, "Deliveries (default: all)");
  add("drop", "Give up those named; the messages stay where else they lie",
      [&options, arguments] { return change(options, *arguments, "queue drop", "dropped"); })
      ->add_option("ID", arguments->ids, "Deliveries")
      ->required();
  return [chosen] { return (*chosen)(); };
}

}  // namespace mailstead::agent
