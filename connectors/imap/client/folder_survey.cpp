#include "connectors/imap/client/folder_survey.h"

#include <algorithm>

#include "connectors/imap/client/list_folders.h"
#include "connectors/imap/client/mailbox_status.h"
#include "connectors/imap/client/sign_in.h"

namespace mailstead::imap {
namespace {

constexpr std::string_view kNewsItems = "MESSAGES UIDNEXT UIDVALIDITY";

// LIST takes names too, as long as they hold no wildcard.
bool names_can_be_listed(const FolderWish& wish) {
  return std::none_of(wish.folders.begin(), wish.folders.end(),
                      [](const std::string& name) { return name.find_first_of("*%") != std::string::npos; });
}

}  // namespace

void learn_namespace(Session& session, FolderWish& wish, AccountMemory& memory) {
  require_capabilities(session);
  if (!memory.own && offers(session, "NAMESPACE")) memory.own = ask_namespace(session);
  wish.own = memory.own.value_or(PersonalNamespace());
}

std::vector<Folder> survey_folders(Session& session, FolderWish wish, const std::string& selected,
                                   AccountMemory& memory) {
  bool names_only = is_names_only(wish);
  if (minds_prefix(wish)) {
    learn_namespace(session, wish, memory);
    // A name may be written without the prefix: LIST tells.
    names_only = names_only && wish.own.prefix.empty();
  }
  bool utf8 = session.utf8_names();
  if (names_only) {
    auto named = choose_folders({}, wish, utf8);
    if (named.size() <= 1) return named;
  }
  require_capabilities(session);
  std::vector<Folder> wanted;
  if (!names_only || (offers_list_status(session, memory) && names_can_be_listed(wish))) {
    ListQuery query{list_patterns(wish, utf8), wish.subscribed, std::string(kNewsItems)};
    wanted = choose_folders(list_folders(session, query, memory), wish, utf8);
  } else {
    wanted = choose_folders({}, wish, utf8);
  }
  auto open = std::find_if(wanted.begin(), wanted.end(), [&](const Folder& f) { return f.name == selected; });
  if (open != wanted.end()) open->status = MailboxCounts();
  if (wanted.size() > 1) ask_status(session, wanted, kNewsItems);
  return wanted;
}

bool needs_visit(const Folder& folder, const PollRun& run) {
  // QUIRK: NetEase, modern-email/defects#15: STATUS without any item.
  if (!folder.status || !folder.status->uid_next || !folder.status->uid_validity) return true;
  const std::string& account = run.settings.name;
  auto unfinished = run.memory.unfinished.find(folder.name);
  if (unfinished != run.memory.unfinished.end() && unfinished->second) return true;
  auto progress = run.ledger.folder(account, folder.name);
  if (!progress) return folder.status->messages != 0U;
  if (progress->uid_validity != folder.status->uid_validity) return true;
  // One that went back is looked into too.
  bool news = *folder.status->uid_next - 1 != progress->done_through;
  if (news && folder.status->messages != 0U) return true;
  return FolderPoll::has_errands(run, folder.name);
}

}  // namespace mailstead::imap
