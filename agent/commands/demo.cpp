// mailstead demo: two accounts of sample mail served by our own servers, polled, routed, delivered, served: nothing
// outside a temporary directory is touched.
#include "agent/commands/command.h"
#include "agent/commands/list.h"
#include "agent/commands/signals.h"
#include "agent/commands/table.h"
#include "agent/delivery/dispatcher.h"
#include "agent/demo/remote_side.h"
#include "agent/pipeline/account_poller.h"
#include "agent/runtime.h"
#include "connectors/net/parking_lot.h"
#include "connectors/net/worker_pool.h"
#include "mail/escape.h"
#include "mail/units.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>

namespace mailstead::agent {

namespace {

constexpr std::size_t kMaxShown = 100;

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    path_ = (std::filesystem::temp_directory_path() / "mailstead-demo-XXXXXX").string();
    if (::mkdtemp(path_.data()) == nullptr)
      throw Refusal{path_, std::strerror(errno), "set TMPDIR to a directory that can be written"};
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  [[nodiscard]] const std::string& path() const noexcept { return path_; }

 private:
  std::string path_;
};

std::string configuration(const std::string& directory, const demo::RemoteSide& remote) {
  return fmt::format(R"({{
  "data_dir": "{0}/home",
  "accounts": {{
    "work": {{ "protocol": "imap", "host": "127.0.0.1", "port": {1}, "tls": "none",
              "user": "work", "password": "{2}", "folders": ["INBOX", "Lists/*"] }},
    "old-isp": {{ "protocol": "pop3", "host": "127.0.0.1", "port": {3}, "tls": "none",
                 "user": "old-isp", "password": "{2}", "after_fetch": {{ "do": "delete" }} }}
  }},
  "destinations": {{
    "home":  {{ "type": "mailbox", "user": "alice", "folder": "INBOX" }},
    "team":  {{ "type": "smtp", "host": "127.0.0.1", "port": {4}, "tls": "none", "to": ["team@example.com"] }},
    "disk":  {{ "type": "maildir", "path": "{0}/Maildir" }}
  }},
  "default_destination": "home",
  "rules": [
    {{ "name": "junk", "if": {{ "header": "X-Spam-Flag", "is": "YES" }}, "then": [ {{ "discard": true }} ] }},
    {{ "name": "lists", "if": {{ "header": "List-Id", "contains": "dev.lists.example.org" }},
      "then": [ {{ "deliver": "home", "folder": "Lists/dev" }} ] }},
    {{ "name": "bank", "if": {{ "address": "from", "domain": "bank.example" }},
      "then": [ {{ "flag": "\\Flagged" }}, {{ "deliver": "home", "folder": "Bank" }}, {{ "deliver": "disk", "copy": true }} ] }},
    {{ "name": "for the team", "if": {{ "header": "Subject", "contains": "forward this" }},
      "then": [ {{ "deliver": "home" }}, {{ "deliver": "team", "copy": true }} ] }}
  ],
  "users": {{ "alice": {{}} }},
  "listeners": {{
    "imap": {{ "address": "127.0.0.1:0", "tls": "none" }},
    "pop3": {{ "address": "127.0.0.1:0", "tls": "none" }}
  }}
}})",
                     directory, remote.imap_port(), remote.password(), remote.pop3_port(), remote.relay_port());
}

class Demo {
 public:
  explicit Demo(const GlobalOptions& options) {
    LogConfig log;
    log.level = options.verbosity > 0 ? LogConfig::Level::kDebug : LogConfig::Level::kWarning;
    log_.emplace(log);
    const auto samples = demo::sample_mail();
    remote_.emplace(directory_.path() + "/remote", samples, clock_, *log_);
    std::vector<ConfigProblem> problems;
    config_ = parse_config(configuration(directory_.path(), *remote_), "demo", directory_.path(), problems);
    for (const auto& problem : problems) fmt::print(stderr, "{}\n", text_of(problem));
    if (!config_) throw Refusal{"demo", "its own configuration was refused", "please report it", kSomethingFailed};
    fmt::print("Two accounts with {} messages on loopback: \"work\" by IMAP, \"old-isp\" by POP3.\n\n", samples.size());
  }

  int run(bool once) {
    bool ok = fetch();
    (void)std::fflush(stdout);
    Runtime runtime(config_, *log_);
    ok = read_back(runtime) && ok;
    if (!once) serve(runtime);
    return ok ? kDone : kSomethingFailed;
  }

 private:
  bool fetch() {
    const auto store = open_to_write(*config_);
    const auto keys = sasl::encode_keys(sasl::make_keys(mail::Secret(remote_->password())));
    (void)store->users().add({"alice", keys, clock_.wall()});
    const bool polled = poll_accounts(*store);
    const auto delivered = deliver(*store);
    show_messages(*store);
    fmt::print(
        "\nDelivered: {} by the queue ({} by SMTP to the team's relay, the rest into a Maildir); {} to be tried "
        "again.\n",
        delivered.delivered, remote_->relayed(), delivered.deferred);
    return polled && delivered.deferred + delivered.failed == 0;
  }

  bool poll_accounts(storage::Store& store) {
    Table table({"ACCOUNT", "PROTOCOL", "FETCHED", "DUPLICATES", "SIZE", "TOOK"});
    bool ok = true;
    for (const auto& [name, account] : config_->accounts) {
      AccountPoller poller(store, config_, account, clock_, *log_);
      retrieval::PollObserver silent;
      const auto report = poller.poll({}, silent, nullptr, {});
      poller.disconnect();
      if (report.failure) complain(name, report.failure->text());
      ok = ok && !report.failure;
      table.row({name, std::string(name_of(account.protocol)),
                 std::to_string(report.counts.accepted + report.counts.duplicates),
                 std::to_string(report.counts.duplicates), mail::format_size(report.counts.bytes),
                 fmt::format("{} ms", report.took.count())});
    }
    fmt::print("{}\n", table.text());
    return ok;
  }

  DispatchCounts deliver(storage::Store& store) {
    net::ParkingLot lot;
    net::WorkerPool pool("deliver", 2);
    Dispatcher dispatcher(store, clock_, *log_, lot, pool);
    return dispatcher.run_once(config_, {});
  }

  static void show_messages(storage::Store& store) {
    Table table({"SUBJECT", "FROM ACCOUNT", "WHAT HAPPENED"});
    auto all = store.history().search("", kMaxShown);
    std::reverse(all.begin(), all.end());
    for (const auto& message : all) table.row({subject(message), message.source.account, story(store, message)});
    fmt::print("{}", table.text());
  }

  static std::string subject(const storage::MessageHistory& message) {
    return message.subject.empty() ? "(none)" : mail::printable(message.subject, 60);
  }

  static std::string story(storage::Store& store, const storage::MessageHistory& message) {
    if (message.duplicate_of != 0) {
      const auto first = store.history().by_id(message.duplicate_of);
      return fmt::format("duplicate of message {} from {}", message.duplicate_of, first ? first->source.account : "?");
    }
    std::string text;
    for (const auto& event : message.events) {
      if (event.kind != "rule" && event.kind != "placed" && event.kind != "discarded" && event.kind != "delivered")
        continue;
      if (event.text.starts_with("none decided")) continue;  // placed in the INBOX: nothing to add
      if (!text.empty()) text += "; ";
      text += event.kind == "rule" ? "rule " + event.text : event.kind + " " + event.text;
    }
    return mail::printable(text);
  }

  // Our own clients read what our own servers show of the result.
  bool read_back(const Runtime& runtime) {
    bool ok = true;
    fmt::print("\nServed on loopback to user \"alice\", password \"{}\":\n", remote_->password());
    for (const auto& listener : runtime.listeners()) {
      AccountConfig reader;
      reader.name = "read back";
      reader.protocol = listener.name == "pop3" ? Protocol::kPop3 : Protocol::kImap;
      reader.endpoint.host = "127.0.0.1";
      reader.endpoint.port =
          static_cast<std::uint16_t>(std::stoi(listener.address.substr(listener.address.rfind(':') + 1)));
      reader.endpoint.tls = net::TlsMode::kNone;
      reader.credentials.user = "alice";
      reader.credentials.password = [this] { return mail::Secret(remote_->password()); };
      reader.folders = {"*"};
      try {
        const auto facts = make_retriever(reader)->probe({});
        fmt::print("  {:<5} {}  shows {} messages{}\n", listener.name, listener.address, facts.messages,
                   reader.protocol == Protocol::kImap ? fmt::format(" in {} folders", facts.folders) : " of the INBOX");
        ok = ok && facts.messages > 0;
      } catch (const mail::Failure& failure) {
        complain(listener.name, failure.text());
        ok = false;
      }
    }
    return ok;
  }

  void serve(Runtime& runtime) {
    for (const auto& listener : runtime.listeners())
      if (listener.name == "imap")
        fmt::print("\nConnect a mail client there, or try:\n  curl -u alice:{} imap://{}/Bank\n", remote_->password(),
                   listener.address);
    fmt::print("Ctrl-C ends the demo and removes {}.\n", directory_.path());
    (void)std::fflush(stdout);
    for (int signal = 0; signal != SIGINT && signal != SIGTERM;) signal = next_signal(std::chrono::seconds(5));
  }

  TemporaryDirectory directory_;
  mail::SystemClock clock_;
  std::optional<Log> log_;
  std::optional<demo::RemoteSide> remote_;
  std::shared_ptr<const Config> config_;
};

}  // namespace

std::function<int()> add_demo(CLI::App& app, const GlobalOptions& options) {
  auto once = std::make_shared<bool>(false);
  app.add_flag("--once", *once, "Exit when the result was shown, instead of serving it until Ctrl-C");
  return [&options, once] {
    block_signals();
    return Demo(options).run(*once);
  };
}

}  // namespace mailstead::agent
