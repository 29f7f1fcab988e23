#include "connectors/imap/client/list_folders.h"

#include <algorithm>
#include <unordered_map>

#include "connectors/imap/client/mailbox_status.h"
#include "connectors/imap/client/refusal.h"
#include "mail/failure.h"

namespace mailstead::imap {
namespace {

using mail::Failure;
using mail::FailureKind;
using mail::FailureScope;

constexpr std::size_t kMaxFolders = 20'000;

class ListHandler final : public ResponseHandler {
 public:
  explicit ListHandler(bool utf8) : utf8_(utf8) {}

  bool untagged(const Response& response) override {
    if (response.is_data("LIST")) return list(response);
    if (response.is_data("LSUB")) return subscribed(response);
    return response.is_data("STATUS") && status(response);
  }

  std::vector<Folder> take() {
    std::sort(folders_.begin(), folders_.end(), [](const Folder& a, const Folder& b) { return a.name < b.name; });
    return std::move(folders_);
  }

 private:
  bool list(const Response& response) {
    auto folder = decode_list(response.rest, utf8_);
    if (!folder) return false;
    auto [place, is_new] = by_name_.try_emplace(folder->name, folders_.size());
    if (!is_new) return merge(folders_[place->second], *folder);
    if (folders_.size() >= kMaxFolders) {
      throw Failure(FailureKind::kLimit, FailureScope::kSession,
                    "the server lists more than " + std::to_string(kMaxFolders) + " folders");
    }
    folders_.push_back(*std::move(folder));
    return true;
  }
  // Several patterns may list a folder more than once.
  static bool merge(Folder& known, const Folder& again) {
    known.subscribed = known.subscribed || again.subscribed;
    return false;
  }
  bool subscribed(const Response& response) {
    auto folder = decode_list(response.rest, utf8_);
    auto place = folder ? by_name_.find(folder->name) : by_name_.end();
    if (place == by_name_.end()) return false;
    folders_[place->second].subscribed = true;
    return true;
  }
  bool status(const Response& response) {
    auto answer = decode_status(response.rest, utf8_);
    auto place = answer ? by_name_.find(answer->name) : by_name_.end();
    if (place == by_name_.end()) return false;
    folders_[place->second].status = answer->counts;
    return true;
  }

  bool utf8_;
  std::vector<Folder> folders_;
  std::unordered_map<std::string, std::size_t> by_name_;
};

std::string return_options(Session& session, const ListQuery& query, bool status) {
  std::string options;
  auto add = [&](const std::string& option) { options += (options.empty() ? "" : " ") + option; };
  if (offers(session, "SPECIAL-USE") && offers(session, "LIST-EXTENDED")) add("SPECIAL-USE");
  if (query.subscribed && offers(session, "LIST-EXTENDED")) add("SUBSCRIBED");
  if (status) add("STATUS (" + query.status_items + ")");
  return options.empty() ? options : " RETURN (" + options + ")";
}

CommandText list_command(Session& session, const std::string& pattern, const std::string& options) {
  CommandText command("LIST \"\" ");
  // Always quoted: a bare wildcard is legal, but not every server agrees.
  bool plain =
      std::all_of(pattern.begin(), pattern.end(), [](char c) { return c >= ' ' && c <= '~' && c != '"' && c != '\\'; });
  if (plain) {
    command.raw("\"" + pattern + "\"");
  } else {
    command.mailbox(pattern, session.capabilities(), session.utf8_names());
  }
  return command.raw(options);
}

// In one flight: each pattern, and LSUB where LIST does not tell of subscriptions.
Completion ask(Session& session, const ListQuery& query, const std::string& options, ListHandler& handler) {
  std::vector<Tag> tags;
  for (const std::string& pattern : query.patterns)
    tags.push_back(session.send(list_command(session, pattern, options)));
  bool lsub = query.subscribed && !offers(session, "LIST-EXTENDED");
  Tag subscriptions = lsub ? session.send(CommandText(R"(LSUB "" "*")")) : 0;
  Completion first_refusal;
  for (Tag tag : tags) {
    Completion end = session.finish(tag, handler);
    if (!end.ok() && first_refusal.ok()) first_refusal = end;
  }
  if (lsub) (void)session.finish(subscriptions, handler);
  return first_refusal;
}

}  // namespace

bool offers(Session& session, std::string_view extension) {
  return session.capabilities().has(extension) || session.capabilities().has("IMAP4REV2");
}

bool offers_list_status(Session& session, const AccountMemory& memory) {
  return !memory.list_status_refused && offers(session, "LIST-STATUS");
}

std::vector<Folder> list_folders(Session& session, const ListQuery& query, AccountMemory& memory) {
  bool status = !query.status_items.empty() && offers_list_status(session, memory);
  std::string options = return_options(session, query, status);
  ListHandler handler(session.utf8_names());
  Completion refusal = ask(session, query, options, handler);
  if (!refusal.ok() && !options.empty()) {
    memory.list_status_refused = memory.list_status_refused || status;
    handler = ListHandler(session.utf8_names());
    refusal = ask(session, query, "", handler);
  }
  if (!refusal.ok()) {
    throw command_refusal(refusal, FailureScope::kAccount, "the server does not list its folders: ");
  }
  return handler.take();
}

}  // namespace mailstead::imap
