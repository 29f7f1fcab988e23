// The configuration as the agent uses it: plain values, checked, defaults filled in. No JSON here.
//
// load_config() and parse_config() report every problem of the text in one run (agent/config/problem.h). A Config is
// an immutable snapshot: a reload makes a new one. Secrets are not in it: Credentials::password fetches one when asked.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/config/problem.h"
#include "connectors/http/webhook.h"
#include "connectors/net/dial.h"
#include "connectors/net/tls.h"
#include "connectors/net/trace_stream.h"
#include "connectors/retrieval.h"
#include "connectors/sasl/client.h"
#include "mail/envelope_recipients.h"
#include "mail/limits.h"
#include "mail/program.h"
#include "mail/srs.h"
#include "router/rule_set.h"
#include "storage/acceptance.h"

namespace mailstead::agent {

enum class Protocol { kImap, kPop3 };

// What happens to the source once a message is durable here.
struct AfterFetch {
  enum class Do { kKeep, kDelete, kSeen, kMove, kKeyword };
  enum class OnGmail { kTrash, kRemoveLabel };
  Do action = Do::kKeep;
  std::string folder;   // of kMove
  std::string keyword;  // of kKeyword
  retrieval::SourceState only_if = retrieval::SourceState::kAny;
  OnGmail on_gmail = OnGmail::kTrash;  // of kDelete
  std::chrono::seconds after{0};       // counted from the fetch
  bool operator==(const AfterFetch&) const = default;
};

// When an account may be polled, by the clock on the wall here. A window over midnight belongs to the day it begins on.
struct PollWindow {
  std::array<bool, 7> days{true, true, true, true, true, true, true};  // Sunday first, as tm_wday
  std::chrono::minutes from{0}, until{24 * 60};                        // since midnight; until <= from: over midnight
  bool operator==(const PollWindow&) const = default;
};

// Where news is waited for (IMAP).
struct IdleConfig {
  bool wanted = false;
  bool force = false;                // though the server does not announce IDLE
  std::vector<std::string> folders;  // of the account's, names or patterns; empty: all
  std::size_t connections = 3;       // at most, where one connection watches one folder
  std::chrono::seconds renewal{0};   // the longest silence; 0: as the connection bears it
  bool operator==(const IdleConfig&) const = default;
};

struct AccountConfig {
  std::string name;
  Protocol protocol = Protocol::kImap;
  net::Endpoint endpoint;
  sasl::Credentials credentials;
  std::string written;                        // a digest of all that is written of it: changes with any setting
  std::string secret_origin;                  // where the password comes from, for people: "file /etc/…"; no secret
  std::string secret_file;                    // the file that holds it, if one does
  std::string secret_mark;                    // changes with a password written in the configuration; tells nothing
  std::vector<std::string> folders{"INBOX"};  // names, patterns with * and ?, special uses ("\\Sent")
  std::vector<std::string> exclude_folders;
  bool subscribed = false;
  retrieval::Compression compress = retrieval::Compression::kAuto;
  std::chrono::seconds poll{300};
  std::chrono::seconds poll_waiting{900};  // while every folder is waited on: only for safety
  std::vector<PollWindow> poll_when;       // empty: at any time
  bool skip = false;                       // polled only when named
  IdleConfig idle;
  AfterFetch after_fetch;
  mail::ByteCount skip_larger_than = mail::kDefaultMaxMessageBytes;
  std::size_t max_messages_per_poll = 0;  // 0: no bound
  std::size_t connections = 1;
  std::size_t commit_every = 1000;               // POP3: deletions per session
  std::optional<mail::EnvelopeSource> envelope;  // a multidrop mailbox: how recipients are found
  net::TraceSink trace;                          // gets the dialogue with the server; empty: nobody
};

// When a delivery that could not be made yet is tried again.
struct RetryPolicy {
  // After the first attempt, the second …; the last entry goes on.
  std::vector<std::chrono::seconds> schedule{std::chrono::minutes(1), std::chrono::minutes(5), std::chrono::minutes(15),
                                             std::chrono::hours(1), std::chrono::hours(4)};
  std::chrono::seconds give_up{std::chrono::hours(5 * 24)};  // RFC 5321 §4.5.4.1
  std::chrono::seconds warn_after{std::chrono::hours(4)};    // the delay is reported once; 0: never
};

// On average at most so much in `per`, and at most as much at once; 0: no limit.
struct RateLimit {
  std::uint64_t messages = 0;
  mail::ByteCount bytes = 0;
  std::chrono::seconds per{std::chrono::minutes(1)};
};

// The envelope sender carries the message's own (mail/srs.h), by a secret that is fetched when it is first needed.
class SenderRewriting {
 public:
  SenderRewriting(std::string domain, std::function<mail::Secret()> secret)
      : domain_(std::move(domain)), secret_(std::move(secret)) {}
  // Thread-safe. Throws Failure(kConfiguration) when there is no secret.
  [[nodiscard]] const mail::Srs& srs() const;
  [[nodiscard]] const std::string& domain() const noexcept { return domain_; }

 private:
  const std::string domain_;
  const std::function<mail::Secret()> secret_;
  mutable std::mutex mutex_;  // guards what follows
  mutable std::optional<mail::Srs> srs_;
};

// What becomes of a message that its next server refuses as spam: it ends here, waits in the queue until its user
// releases or drops it, or is kept among the undelivered without a report.
enum class OnRefusal { kDiscard, kQuarantine, kKeep };

struct DestinationConfig {
  // Types that this version cannot deliver to are refused by the loader; they stand here for the later ones.
  enum class Type { kMailbox, kSmtp, kLmtp, kImap, kMaildir, kMbox, kPipe, kGmail, kWebhook };
  std::string name;
  Type type = Type::kMailbox;

  // mailbox
  std::string user;
  std::string folder{"INBOX"};  // imap too, where "\\Junk" is the folder with that special use
  // imap
  std::vector<std::string> labels;  // of Gmail, on every message
  // smtp, lmtp, imap
  net::Endpoint endpoint;
  sasl::Credentials credentials;  // user "" : no sign-in
  std::string secret_origin;
  std::vector<std::string> to;  // envelope recipients; of pipe and webhook, too
  std::string from;             // envelope sender; "" keeps the message's own (Return-Path), "<>" is the null sender
  std::map<std::string, OnRefusal> antispam;   // by code of the refusal: "571", "5.7.1"
  std::shared_ptr<const SenderRewriting> srs;  // instead of `from`; null: none
  std::size_t connections = 2;
  std::chrono::seconds keep_open{30};  // an idle connection waits this long for the next message
  // maildir, mbox
  std::string path;  // absolute
  // pipe
  mail::ProgramSettings program;
  // webhook, whose place is in `endpoint`, too
  std::string url;
  http::WebhookFormat format = http::WebhookFormat::kJson;
  std::function<mail::Secret()> signature;  // its secret; empty: nothing is signed
  http::SecretFields headers;
  // every type but mailbox
  RetryPolicy retry;
  RateLimit rate;
};

// Whom the test "spam" of rules can ask.
struct SpamFilterConfig {
  enum class Type { kRspamd, kSpamAssassin };
  std::string name;
  Type type = Type::kRspamd;
  net::Endpoint endpoint;
  std::chrono::seconds timeout{30};  // from the connection to the whole answer
  mail::ByteCount largest = 0;       // it is not asked about larger messages
  // rspamd
  std::string authority = "localhost", target = "/checkv2";
  std::function<mail::Secret()> password;  // empty: none is sent
  // SpamAssassin
  std::string user;  // whose preferences count; "" nobody's
};

struct ListenerConfig {
  enum class Service { kImap, kPop3 };
  std::string name;  // "imap", "imaps", "pop3", "pop3s"
  Service service = Service::kImap;
  std::string address;  // "127.0.0.1:1143", "[::1]:0": as net::ListenerSettings wants it
  net::TlsMode tls = net::TlsMode::kNone;
  bool own_certificate = false;  // "certificate": "auto": made by ourselves, kept in the data directory
  std::string certificate, key;  // absolute paths of PEM files; set when tls is not kNone and it is not our own
  std::string client_ca;         // the same; empty: clients do not sign in by certificate
  net::ServerTlsSettings::ClientName client_name = net::ServerTlsSettings::ClientName::kCommonName;
  std::size_t max_connections = 1000;
  std::size_t max_connections_per_address = 100;  // IPv6: per /64
  std::size_t max_connections_per_user = 50;      // signed in, counted over all listeners
};

struct UserConfig {
  std::string name;
  // What clients may add to; mail that we bring is kept all the same.
  std::optional<mail::ByteCount> quota{};
  std::optional<std::uint64_t> quota_messages{};
};

// How many connections to the servers of accounts are open at once; 0: no limit of ours.
struct ConnectionLimits {
  std::size_t connections = 0, per_host = 0;
  std::map<std::string, std::size_t> hosts;  // by name in lower case; goes before per_host
  bool operator==(const ConnectionLimits&) const = default;
};

struct LogConfig {
  enum class Level { kQuiet, kError, kWarning, kInfo, kDebug };
  enum class Format { kText, kJson };
  Level level = Level::kInfo;
  Format format = Format::kText;
};

struct Config {
  std::string file;      // as given; a name for people when the text came from memory
  std::string data_dir;  // absolute
  std::map<std::string, AccountConfig> accounts;
  std::map<std::string, DestinationConfig> destinations;
  std::string default_destination;  // always names one of `destinations` when there is an account
  // Which smtp destination carries `redirect`; "" when there is none (then no rule redirects).
  std::string redirect_destination;
  storage::DuplicateRule duplicates{storage::DuplicateRule::Scope::kAll, std::chrono::hours(24 * 90)};
  std::shared_ptr<const router::RuleSet> rules;  // never null
  std::map<std::string, SpamFilterConfig> spam_filters;
  std::map<std::string, UserConfig> users;
  std::map<std::string, ListenerConfig> listeners;
  std::string status_address;    // "" : no status page
  std::string undelivered_user;  // whose `Undelivered` mailbox keeps what cannot be delivered; never empty
  RetryPolicy retry;             // of destinations without one of their own
  ConnectionLimits limits;
  LogConfig log;
  bool search_index = true;  // kept beside the database, for searches by text
  std::string host_name;     // ours, for EHLO, Received and Message-ID
};

// Null when a problem was found; problems are appended, in order of file and line.
[[nodiscard]] std::shared_ptr<const Config> load_config(const std::string& path, std::vector<ConfigProblem>& problems);

// The same over text in memory (demo, tests). Relative paths and includes count from `directory`. Secrets as plain
// strings are allowed: there is no file that others could read.
[[nodiscard]] std::shared_ptr<const Config> parse_config(std::string_view text, const std::string& name,
                                                         const std::string& directory,
                                                         std::vector<ConfigProblem>& problems);

// A stable digest (hex) of the settings that decide whether signing in can work: endpoint, user, mechanism and where
// the secret comes from, never the secret. For storage::AccountState::configuration_digest.
[[nodiscard]] std::string digest_of(const AccountConfig& account);

[[nodiscard]] std::string_view name_of(Protocol protocol) noexcept;
[[nodiscard]] std::string_view name_of(DestinationConfig::Type type) noexcept;
[[nodiscard]] std::string_view name_of(net::TlsMode mode) noexcept;
[[nodiscard]] std::string_view name_of(AfterFetch::Do action) noexcept;

}  // namespace mailstead::agent
