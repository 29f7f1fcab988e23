#include "agent/pipeline/rerouting.h"

#include "agent/pipeline/examined.h"
#include "agent/pipeline/rule_memory.h"
#include "mail/failure.h"
#include "storage/mailbox_name.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <map>
#include <unordered_map>
#include <unordered_set>

namespace mailstead::agent {

namespace {

using nlohmann::json;

constexpr const char* kUndelivered = "Undelivered";

[[noreturn]] void unknown(const std::string& what) {
  throw mail::Failure(mail::FailureKind::kConfiguration, mail::FailureScope::kProcess, what);
}

class Search {
 public:
  Search(storage::Store& store, const Config& config, const std::string& user, mail::WallTime now)
      : store_(store), config_(config), user_(user), now_(now), services_(config) {}

  std::uint64_t look_into(const storage::Mailbox& mailbox, bool only_ours,
                          const std::function<void(const Misplaced&)>& show) {
    const auto snapshot = store_.mail().open(mailbox.id);
    if (!snapshot) return 0;
    std::unordered_map<storage::Uid, storage::MessageId> ours;
    for (const auto& placed : store_.history().placed(mailbox.id)) ours.emplace(placed.uid, placed.message);
    std::uint64_t looked_at = 0;
    for (const auto& entry : snapshot->entries) {
      const auto found = ours.find(entry.uid);
      if (only_ours && found == ours.end()) continue;
      ++looked_at;
      mail::Flags flags;
      flags.system = entry.flags;
      flags.keywords = snapshot->keyword_sets.at(entry.keywords);
      auto misplaced = judge(mailbox.name, entry, flags, found == ours.end() ? 0 : found->second);
      if (!misplaced) continue;
      misplaced->mailbox = mailbox.id;
      show(*misplaced);
    }
    return looked_at;
  }

 private:
  std::optional<Misplaced> judge(const std::string& folder, const storage::Entry& entry, const mail::Flags& flags,
                                 storage::MessageId id) {
    Origin origin{"", "", flags, entry.internal_date};
    if (const auto history = id == 0 ? std::nullopt : store_.history().by_id(id)) {
      origin.account = history->source.account;
      origin.folder = history->source.folder;
    }
    const auto account = config_.accounts.find(origin.account);
    const Examined message(store_.content().open(entry.content),
                           account == config_.accounts.end() ? nullptr : &account->second);
    const auto decision = decide(message, origin);
    if (!decision) return std::nullopt;

    Misplaced result;
    result.folder = folder;
    result.uid = entry.uid;
    result.message = id;
    result.from = message.listed("From");
    result.subject = message.listed("Subject");
    result.discarded = decision->discarded && decision->deliveries.empty();
    if (result.discarded) result.rule = decision->discarded_by;
    for (const auto& planned : decision->deliveries) add(result, planned);
    const bool stays = std::find(result.folders.begin(), result.folders.end(), folder) != result.folders.end();
    if (stays) return std::nullopt;
    const bool kept_elsewhere = leave_out_held(result);
    if (result.folders.empty() && (kept_elsewhere || (!result.discarded && result.others.empty()))) return std::nullopt;
    for (const auto& name : flags.names()) result.flags.remove(name);
    return result;
  }

  // nullopt: it cannot be made now, or not once more.
  std::optional<router::Decision> decide(const Examined& message, const Origin& origin) const {
    const MemoryOfKept memory;
    try {
      router::Decision decision = config_.rules->decide(message.subject(origin, now_, services_, &memory));
      if (!decision.postponed) return decision;
    } catch (const Unrepeatable&) {  // NOLINT(bugprone-empty-catch): it stays where it is
    }
    return std::nullopt;
  }

  // Where the message lies already, or is to be put by this search, it is not put once more. Whether there was such a
  // folder.
  bool leave_out_held(Misplaced& result) {
    if (result.message == 0) return false;
    return std::erase_if(result.folders,
                         [&](const std::string& folder) { return !held_in(folder).insert(result.message).second; }) > 0;
  }

  std::unordered_set<storage::MessageId>& held_in(const std::string& folder) {
    auto [entry, is_new] = held_.try_emplace(folder);
    if (!is_new) return entry->second;
    if (const auto mailbox = store_.mail().find(user_, folder))
      for (const auto& placed : store_.history().placed(mailbox->id)) entry->second.insert(placed.message);
    return entry->second;
  }

  void add(Misplaced& result, const router::PlannedDelivery& planned) const {
    const std::string& name = planned.destination.empty() ? config_.redirect_destination : planned.destination;
    const auto found = config_.destinations.find(name);
    if (found == config_.destinations.end()) return;
    const DestinationConfig& destination = found->second;
    const bool kept = destination.type == DestinationConfig::Type::kMailbox && planned.quarantine.empty();
    const std::string written = planned.folder.empty() ? destination.folder : planned.folder;
    const std::string folder = storage::canonical_mailbox_name(written).value_or(written);
    if (kept && destination.user == user_) {
      if (result.folders.empty()) {
        result.flags = planned.flags;
        result.rule = planned.rule;
      }
      if (std::find(result.folders.begin(), result.folders.end(), folder) == result.folders.end())
        result.folders.push_back(folder);
      return;
    }
    if (result.rule.empty()) result.rule = planned.rule;
    const auto& to = planned.to.empty() ? destination.to : planned.to;
    result.others.push_back(!planned.quarantine.empty() ? "quarantine: " + planned.quarantine
                            : kept                      ? fmt::format("{}/{}", destination.user, folder)
                            : to.empty()                ? name
                                                        : fmt::format("{} to {}", name, fmt::join(to, ", ")));
  }

  storage::Store& store_;
  const Config& config_;
  const std::string& user_;
  const mail::WallTime now_;
  const RuleServices services_;
  std::map<std::string, std::unordered_set<storage::MessageId>> held_;  // messages of ours, by folder
};

// Messages that are treated alike, so that a thousand of them are a few transactions.
struct Group {
  std::vector<storage::Uid> uids;
  std::vector<const Misplaced*> messages;
};

std::string key_of(const Misplaced& message) {
  return fmt::format("{}\n{}\n{}\n{}", message.mailbox, message.discarded, fmt::join(message.folders, "\n"),
                     fmt::join(message.flags.names(), " "));
}

class PuttingRight {
 public:
  PuttingRight(storage::Store& store, const std::string& user, mail::WallTime now)
      : store_(store), user_(user), now_(now) {}

  std::uint64_t run(const Group& group) {
    const Misplaced& first = *group.messages.front();
    if (first.folders.empty()) return first.discarded ? remove(group) : 0;
    for (const auto& folder : first.folders) make(folder);
    if (!first.flags.names().empty())
      (void)store_.mail().change_flags(first.mailbox, group.uids, storage::FlagChange::kAdd, first.flags, std::nullopt,
                                       nullptr);
    for (std::size_t i = 1; i < first.folders.size(); ++i)
      (void)store_.mail().copy(first.mailbox, group.uids, user_, first.folders[i]);
    const auto moved = store_.mail().move(first.mailbox, group.uids, user_, first.folders.front());
    return tell(group, moved.from, [](const Misplaced& message) {
      return fmt::format("from {} to {} by {}", message.folder, fmt::join(message.folders, ", "), message.rule);
    });
  }

 private:
  std::uint64_t remove(const Group& group) {
    const auto removed = store_.mail().expunge(group.messages.front()->mailbox, group.uids, true);
    return tell(group, removed, [](const Misplaced& message) {
      return fmt::format("removed from {} by {}", message.folder, message.rule);
    });
  }

  void make(const std::string& folder) {
    if (!store_.mail().find(user_, folder)) (void)store_.mail().create(user_, folder, "");
  }

  template <typename Text>
  std::uint64_t tell(const Group& group, std::vector<storage::Uid> done, Text text) {
    std::sort(done.begin(), done.end());
    std::vector<std::pair<storage::MessageId, storage::HistoryEvent>> events;
    for (const auto* message : group.messages)
      if (message->message != 0 && std::binary_search(done.begin(), done.end(), message->uid))
        events.emplace_back(message->message, storage::HistoryEvent{now_, "rerouted", text(*message)});
    if (!events.empty()) store_.history().add_all(events);
    return done.size();
  }

  storage::Store& store_;
  const std::string& user_;
  const mail::WallTime now_;
};

}  // namespace

std::uint64_t find_misplaced(storage::Store& store, const Config& config, const MisplacedSearch& search,
                             mail::WallTime now, const std::function<void(const Misplaced&)>& show) {
  Search looking(store, config, search.user, now);
  if (!search.folder.empty()) {
    const auto mailbox = store.mail().find(search.user, search.folder);
    if (!mailbox || !mailbox->selectable) unknown(fmt::format("{} has no mailbox {}", search.user, search.folder));
    return looking.look_into(*mailbox, false, show);
  }
  const auto mailboxes = store.mail().mailboxes(search.user);
  if (mailboxes.empty()) unknown(fmt::format("{} has no mailboxes here", search.user));
  std::uint64_t looked_at = 0;
  for (const auto& mailbox : mailboxes) {
    if (!mailbox.selectable || !mailbox.special_use.empty() || mailbox.name == kUndelivered) continue;
    looked_at += looking.look_into(mailbox, true, show);
  }
  return looked_at;
}

std::uint64_t put_right(storage::Store& store, const std::string& user, const std::vector<Misplaced>& messages,
                        mail::WallTime now) {
  std::map<std::string, Group> groups;
  for (const auto& message : messages) {
    Group& group = groups[key_of(message)];
    group.uids.push_back(message.uid);
    group.messages.push_back(&message);
  }
  PuttingRight putting(store, user, now);
  std::uint64_t changed = 0;
  for (const auto& [key, group] : groups) changed += putting.run(group);
  return changed;
}

json to_json(const std::vector<Misplaced>& messages) {
  json all = json::array();
  for (const auto& message : messages)
    all.push_back({{"mailbox", message.mailbox},
                   {"folder", message.folder},
                   {"uid", message.uid},
                   {"message", message.message},
                   {"rule", message.rule},
                   {"folders", message.folders},
                   {"flags", message.flags.names()},
                   {"discarded", message.discarded}});
  return all;
}

std::vector<Misplaced> read_misplaced(const json& messages) {
  std::vector<Misplaced> all;
  for (const auto& one : messages) {
    Misplaced message;
    message.mailbox = one.at("mailbox").get<storage::MailboxId>();
    message.folder = one.at("folder").get<std::string>();
    message.uid = one.at("uid").get<storage::Uid>();
    message.message = one.at("message").get<storage::MessageId>();
    message.rule = one.at("rule").get<std::string>();
    message.folders = one.at("folders").get<std::vector<std::string>>();
    for (const auto& name : one.at("flags").get<std::vector<std::string>>()) message.flags.add(name);
    message.discarded = one.at("discarded").get<bool>();
    all.push_back(std::move(message));
  }
  return all;
}

}  // namespace mailstead::agent
