// What the agent asks of a remote account, whatever its protocol: one poll, the wait for news, and a look around.
//
// A retriever finds what is new (against the ledger), hands each message as it arrives to the MessageSink, and touches
// the source only for what the sink says is durable. It knows no rules and no destinations.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "connectors/net/deadline.h"
#include "connectors/net/dial.h"
#include "connectors/net/stream.h"
#include "connectors/sasl/client.h"
#include "mail/clock.h"
#include "mail/flags.h"
#include "mail/limits.h"
#include "storage/ledger.h"
#include "storage/types.h"

namespace mailstead::retrieval {

enum class Compression { kAuto, kAlways, kNever };  // auto: not to a peer on this machine
enum class AfterFetch { kKeep, kDelete, kSeen, kMove, kKeyword };
// What must be true of a message on its source before it is cleaned up.
enum class SourceState { kAny, kSeen, kAnswered, kFlagged, kUnflagged };

struct AccountSettings {
  std::string name;
  bool pop3 = false;
  net::Endpoint endpoint;
  sasl::Credentials credentials;
  std::vector<std::string> folders{"INBOX"};  // names, patterns with * and ?, or special uses ("\\Sent") (IMAP)
  std::vector<std::string> exclude_folders;
  bool subscribed = false;                    // patterns take subscribed folders only (IMAP)
  Compression compress = Compression::kAuto;  // IMAP
  AfterFetch after_fetch = AfterFetch::kKeep;
  std::string move_to;                              // folder on the source for kMove
  std::string keyword;                              // for kKeyword
  SourceState only_if = SourceState::kAny;          // for all but kKeep (IMAP)
  bool gmail_keeps_deleted = false;                 // kDelete at Gmail takes away the folder's label only
  std::chrono::seconds after{0};                    // counted from the fetch
  mail::ByteCount skip_larger_than = 0;             // 0: mail::kDefaultMaxMessageBytes
  std::uint32_t max_messages_per_poll = 0;          // 0: no limit
  std::uint32_t commit_every = 1000;                // POP3: deletions per session, at least 1
  mail::ByteCount window_bytes = 16 * 1024 * 1024;  // asked for and not yet received, at most
  std::size_t connections = 1;                      // that a large download may use, at most 3 (IMAP)
  // Waiting for news (IMAP).
  std::vector<std::string> idle_folders;  // of `folders`, names or patterns; empty: all
  bool force_idle = false;                // though the server does not announce IDLE
  std::size_t idle_connections = 3;       // at most, where a connection watches one folder only
  std::chrono::seconds idle_renewal{0};   // the longest silence of a waiting connection; 0: as long as it bears
  // Whether one connection more than now may be opened for the account; empty: it may.
  std::function<bool()> may_connect;
};

// One message as the source announces it.
struct Incoming {
  storage::SourceRef source;
  mail::ByteCount size_hint = 0;  // from RFC822.SIZE or LIST; may lie
  mail::WallTime internal_date;   // POP3: the time of the poll
  mail::Flags flags;              // on the source
  std::string identity;           // the server's own, the same in all folders (X-GM-MSGID, EMAILID); "" none
};

// Receives messages. Used by one thread at a time, not always the same; durability is announced through the flush()
// call.
class MessageSink {
 public:
  virtual ~MessageSink() = default;
  // begin, append*, then end (whole) or abort (truncated, refused: as if it had never begun).
  virtual void begin(const Incoming& message) = 0;
  virtual void append(std::string_view bytes) = 0;
  virtual void end() = 0;
  virtual void abort() noexcept = 0;
  // Left on the server on purpose (too large); recorded in the ledger.
  virtual void skipped(const Incoming& message, const std::string& reason) = 0;
  // Waits until all ended messages are durable. Throws what kept them from it (kStorage …): nothing of the source may
  // be touched for those.
  virtual void flush() = 0;
  // The sources that became durable (accepted, duplicate or already retrieved) since the last call. After a flush():
  // all.
  [[nodiscard]] virtual std::vector<storage::SourceRef> take_durable() = 0;
};

// For the progress bar and for dry runs. Any call may be ignored.
class PollObserver {
 public:
  virtual ~PollObserver() = default;
  virtual void stage(const std::string& /*what*/) {}  // "signing in"
  virtual void found(const std::string& /*folder*/, std::uint64_t /*messages*/, mail::ByteCount /*bytes*/) {}
  virtual void would_fetch(const Incoming& /*message*/) {}
};

struct PollOptions {
  bool dry_run = false;     // find and report, fetch nothing, touch nothing
  std::uint32_t limit = 0;  // 0: AccountSettings::max_messages_per_poll
  // Everything that would be fetched counts as retrieved from now on; nothing is fetched, nothing touched.
  bool mark_retrieved = false;
  std::vector<std::string> folders;     // of the account's, only these (names or patterns); empty: all (IMAP)
  std::optional<mail::WallTime> since;  // only what arrived then or later; the older stays for another poll
};

struct PollResult {
  std::uint64_t fetched = 0, skipped = 0, cleaned = 0;
  std::uint64_t marked = 0;  // count as retrieved from now on (PollOptions::mark_retrieved)
  std::uint64_t copies = 0;  // known already from another folder of the account: not fetched
  mail::ByteCount bytes = 0;
  bool more = false;  // a limit ended the poll early: poll again soon
  // What the server asked for (LOGIN-DELAY): no next sign-in before; nullopt: nothing.
  std::optional<std::chrono::seconds> not_before;
  std::vector<std::string> warnings;  // UIDVALIDITY changed, a folder that cannot be selected, … printable
};

struct FolderFacts {
  std::string name;  // UTF-8
  std::string special_use;
  bool selectable = true, selected_for_retrieval = false, subscribed = false;
  std::optional<std::uint64_t> messages, unseen;
  std::string left_out{};  // why it is not selected for retrieval, in a few words; "" when it is, or nothing is known
};

// What `check --connect` prints.
struct ConnectionFacts {
  std::optional<net::TlsFacts> tls;
  std::string greeting;  // printable
  std::vector<std::string> capabilities;
  std::string mechanism;  // by which we signed in
  std::uint64_t folders = 0, messages = 0;
};

// Where and how an account waits for news.
struct Waiting {
  int descriptor = -1;  // readable when there is something to look at; the retriever's
  std::size_t connections = 0, folders = 0;
  bool all = false;     // every folder is watched so well that polls besides are only for safety
  std::string trouble;  // why not more are; printable, or ""
};

struct News {
  bool any = false;
  std::vector<std::string> folders;  // in which there is some, by name; empty: perhaps in any
};

// One poll or look at a time; not thread-safe. All calls end by deadline or stop with a Failure.
class Retriever {
 public:
  virtual ~Retriever() = default;
  [[nodiscard]] virtual PollResult poll(storage::Ledger& ledger, MessageSink& sink, PollObserver& observer,
                                        const PollOptions& options, mail::WallTime now, std::stop_token stop) = 0;
  [[nodiscard]] virtual std::vector<FolderFacts> folders(std::stop_token stop) = 0;
  [[nodiscard]] virtual ConnectionFacts probe(std::stop_token stop) = 0;

  // After a poll, IMAP: leaves connections waiting for news, opens such as are wanted besides; nullopt when the server
  // cannot. While parked nobody else calls; poll() in between is allowed, and this must be called again after it.
  [[nodiscard]] virtual std::optional<Waiting> start_waiting(std::stop_token stop) = 0;
  // The descriptor became readable or the limit passed: reads what is there, and renews what has been silent for long.
  // With news, poll those folders now: the connection that brought it is used. Without, park again.
  [[nodiscard]] virtual News woken(std::stop_token stop) = 0;
  // The same, but each waiting connection must answer, and soon: after a sleep, in another network.
  [[nodiscard]] virtual News verify(std::stop_token stop) = 0;
  // When woken() must be called at the latest, speaking or not.
  [[nodiscard]] virtual std::chrono::seconds waiting_limit() const = 0;
  virtual void disconnect() noexcept = 0;

  // What is worth remembering of the server for the next process (capabilities); opaque.
  [[nodiscard]] virtual std::string remembered() const = 0;
};

// How a retriever gets its stream: net::dial, or a scripted peer in tests.
using Dialer = std::function<std::unique_ptr<net::Stream>(const net::Endpoint&, const net::Deadline&)>;

}  // namespace mailstead::retrieval
