// Mail that is kept already, held against the rules as they are now.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "agent/config/config.h"
#include "mail/clock.h"
#include "storage/store.h"

namespace mailstead::agent {

// A message in a mailbox of ours that the rules would put elsewhere today.
struct Misplaced {
  storage::MailboxId mailbox = 0;
  std::string folder;  // where it lies
  storage::Uid uid = 0;
  storage::MessageId message = 0;    // its history; 0: it did not come by the agent
  std::string from, subject;         // printable
  std::string rule;                  // that decided, or "default"
  std::vector<std::string> folders;  // of the same user, where it would lie; none: it would not be kept for the user
  mail::Flags flags;                 // that it would have and has not
  bool discarded = false;            // it would not be kept at all
  std::vector<std::string> others;   // ways on to others than this user's mailboxes: "relay to bob@example.com"
};

struct MisplacedSearch {
  std::string user;
  std::string folder;  // "": all in which the agent's mail lies, without Undelivered and those with a special use
};

// Shows each, folder by folder, by UID; answers how many messages were looked at. Of a search without a folder only
// messages that came by the agent. Where the message lies already it is not put once more. Flags count as they are in
// the mailbox; account and folder of the source as recorded. Throws Failure(kStorage), Failure(kConfiguration) for a
// user or folder that does not exist.
[[nodiscard]] std::uint64_t find_misplaced(storage::Store& store, const Config& config, const MisplacedSearch& search,
                                           mail::WallTime now, const std::function<void(const Misplaced&)>& show);

// Puts messages where they belong: moved to the first of their folders (made when missing), copied to the rest, flags
// added; a discarded one is removed. What has no folder stays. Each is told to its history. Answers how many were
// changed: those gone meanwhile are not. Throws Failure(kStorage).
[[nodiscard]] std::uint64_t put_right(storage::Store& store, const std::string& user,
                                      const std::vector<Misplaced>& messages, mail::WallTime now);

// As they travel to a running agent, without what is only shown.
[[nodiscard]] nlohmann::json to_json(const std::vector<Misplaced>& messages);
// Throws nlohmann::json::exception for what is malformed.
[[nodiscard]] std::vector<Misplaced> read_misplaced(const nlohmann::json& messages);

}  // namespace mailstead::agent
