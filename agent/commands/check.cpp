// mailstead check: is the configuration right (always), do the servers let us in (--connect), is what we keep whole
// (--data)?
#include "agent/commands/command.h"
#include "agent/commands/list.h"
#include "agent/commands/table.h"
#include "agent/delivery/destinations.h"
#include "agent/pipeline/account_poller.h"
#include "agent/pipeline/replay.h"
#include "mail/escape.h"
#include "mail/units.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <future>

namespace mailstead::agent {

namespace {

struct CheckArguments {
  bool connect = false, data = false, json = false;
  std::size_t replay = 0;
};

// What one account or destination answered.
struct Finding {
  std::string what;  // "account work"
  bool ok = false;
  std::vector<std::pair<std::string, std::string>> lines;
};

Finding failed(std::string what, const std::string& why) {
  return {std::move(what), false, {{"failed", why}}};
}

std::string tls_line(const net::TlsFacts& tls) {
  return fmt::format("{}, {}{}{}, certificate of {} valid for {} more days", tls.version, tls.cipher,
                     tls.alpn.empty() ? "" : ", ALPN " + tls.alpn, tls.resumed ? ", resumed" : "", tls.peer_subject,
                     tls.days_left);
}

// Who vouches for whom, up to the authority that is trusted.
std::string chain_line(const net::TlsFacts& tls) {
  std::vector<std::string> links;
  for (const net::CertificateFacts& one : tls.chain)
    links.push_back(fmt::format("{} (until {}, {} days left)", one.subject, one.expires, one.days_left));
  if (!tls.chain.empty() && tls.chain.back().subject != tls.chain.back().issuer)
    links.push_back(tls.chain.back().issuer);
  return fmt::format("{}", fmt::join(links, " < "));
}

Finding probe_account(const AccountConfig& account) {
  const std::string what = "account " + account.name;
  try {
    const auto facts = make_retriever(account)->probe({});
    Finding finding{what, true, {}};
    finding.lines.emplace_back("server", facts.greeting);
    finding.lines.emplace_back("tls", facts.tls ? tls_line(*facts.tls) : "none: mail and password travel in the clear");
    if (facts.tls) {
      finding.lines.emplace_back("chain", chain_line(*facts.tls));
      finding.lines.emplace_back("fingerprint", facts.tls->peer_fingerprint);
      finding.lines.emplace_back("key", facts.tls->peer_pin);
    }
    finding.lines.emplace_back("signed in by", facts.mechanism);
    std::vector<std::string> capabilities;
    for (const auto& capability : facts.capabilities) capabilities.push_back(mail::printable(capability, 100));
    finding.lines.emplace_back("can do", fmt::format("{}", fmt::join(capabilities, " ")));
    finding.lines.emplace_back("holds", account.protocol == Protocol::kPop3
                                            ? counted(facts.messages, "message")
                                            : counted(facts.folders, "folder") + ", " +
                                                  counted(facts.messages, "message") + " in those to be fetched");
    return finding;
  } catch (const mail::Failure& failure) {
    return failed(what, failure.text());
  }
}

Finding probe_destination(const Config& config, const DestinationConfig& destination) {
  const std::string what = "destination " + destination.name;
  try {
    const auto made = make_destination(config, destination, "check");
    if (!made) return {what, true, {{"mailbox", destination.user + "/" + destination.folder}}};
    return {what, true, made->probe({}).lines};
  } catch (const mail::Failure& failure) {
    return failed(what, failure.text());
  }
}

std::vector<Finding> probe_all(const Config& config) {
  std::vector<std::future<Finding>> running;
  for (const auto& [name, account] : config.accounts)
    running.push_back(std::async(std::launch::async, [&probed = account] { return probe_account(probed); }));
  for (const auto& [name, destination] : config.destinations)
    running.push_back(
        std::async(std::launch::async, [&config, &probed = destination] { return probe_destination(config, probed); }));
  std::vector<Finding> findings;
  findings.reserve(running.size());
  for (auto& one : running) findings.push_back(one.get());
  return findings;
}

void print(const Finding& finding) {
  fmt::print("{}: {}\n", finding.what, finding.ok ? "ok" : "FAILED");
  for (const auto& [name, value] : finding.lines)
    if (!finding.ok)
      complain(finding.what, value);
    else if (!value.empty())
      fmt::print("  {:<13} {}\n", name, value);
}

nlohmann::json to_json(const Finding& finding) {
  nlohmann::json lines = nlohmann::json::object();
  for (const auto& [name, value] : finding.lines) lines[name] = value;
  return {{"what", finding.what}, {"ok", finding.ok}, {"facts", lines}};
}

nlohmann::json to_json(const storage::CheckReport& report) {
  return {{"problems", report.problems}, {"messages", report.messages}, {"contents", report.contents},
          {"segments", report.segments}, {"bytes", report.bytes},       {"dead_bytes", report.dead_bytes}};
}

void print(const storage::CheckReport& report) {
  for (const auto& problem : report.problems) complain("data", problem);
  fmt::print("data: {}: {} messages, {} contents in {} segments, {} ({} to be reclaimed)\n",
             report.problems.empty() ? "ok" : "DAMAGED", report.messages, report.contents, report.segments,
             mail::format_size(report.bytes), mail::format_size(report.dead_bytes));
}

std::string joined(const std::vector<std::string>& outcome) {
  return mail::printable(fmt::format("{}", fmt::join(outcome, ", ")));
}

// Other rules are no fault: the status stays as it is.
void replay_newest(const Config& config, std::size_t limit, nlohmann::json* as_json) {
  constexpr std::size_t kShown = 40;
  Table table({"MESSAGE", "FROM", "SUBJECT", "WENT", "WOULD GO"});
  nlohmann::json messages = nlohmann::json::array();
  ReplayCounts counts;
  if (const auto store = open_to_read(config))
    counts = replay(*store, config, limit, mail::SystemClock().wall(), [&](const Replayed& one) {
      table.row({std::to_string(one.message), mail::printable(one.from, kShown), mail::printable(one.subject, kShown),
                 joined(one.was), joined(one.would)});
      messages.push_back({{"message", one.message},
                          {"from", one.from},
                          {"subject", one.subject},
                          {"went", one.was},
                          {"would_go", one.would}});
    });
  if (as_json != nullptr) {
    (*as_json)["replay"] = {{"messages", counts.messages}, {"gone", counts.gone}, {"different", messages}};
    return;
  }
  if (!table.empty()) fmt::print("{}", table.text());
  fmt::print("rules: {} of the newest {} would go otherwise{}\n", counts.different, counted(counts.messages, "message"),
             counts.gone == 0 ? "" : fmt::format(" ({} more are not kept any more)", counts.gone));
}

int check(const GlobalOptions& options, const CheckArguments& arguments) {
  const auto config = load(options);
  nlohmann::json all{{"configuration", config->file},
                     {"accounts", config->accounts.size()},
                     {"destinations", config->destinations.size()},
                     {"rules", config->rules->size()}};
  bool ok = true;
  if (!arguments.json)
    fmt::print("{}: ok: {}, {}, {}, {}\n", config->file, counted(config->accounts.size(), "account"),
               counted(config->destinations.size(), "destination"), counted(config->rules->size(), "rule"),
               counted(config->listeners.size(), "listener"));
  if (arguments.connect)
    for (const auto& finding : probe_all(*config)) {
      ok = ok && finding.ok;
      if (arguments.json)
        all["connections"].push_back(to_json(finding));
      else
        print(finding);
    }
  if (arguments.data) {
    const auto store = open_to_read(*config);
    const auto report = store ? store->check(true) : storage::CheckReport{};
    ok = ok && report.problems.empty();
    if (arguments.json)
      all["data"] = to_json(report);
    else
      print(report);
  }
  if (arguments.replay > 0) replay_newest(*config, arguments.replay, arguments.json ? &all : nullptr);
  all["ok"] = ok;
  if (arguments.json) fmt::print("{}\n", all.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
  return ok ? kDone : kSomethingFailed;
}

}  // namespace

std::function<int()> add_check(CLI::App& app, const GlobalOptions& options) {
  auto arguments = std::make_shared<CheckArguments>();
  app.add_flag("--connect", arguments->connect, "Sign in to every account and destination and say what is found");
  app.add_flag("--data", arguments->data, "Hold database and segments against each other, every digest verified");
  app.add_option("--replay", arguments->replay,
                 "Run the newest N messages through the rules: which would go otherwise?")
      ->type_name("N");
  app.add_flag("--json", arguments->json, "The result as JSON");
  return [&options, arguments] { return check(options, *arguments); };
}

}  // namespace mailstead::agent
