#include "connectors/imap/server/command_table.h"

#include "connectors/imap/server/commands/commands.h"
#include "mail/header.h"

namespace mailstead::imap {
namespace {

constexpr CommandEntry kCommands[] = {
    {"CAPABILITY", kAnyState, Updates::kAll, commands::capability},
    {"NOOP", kAnyState, Updates::kAll, commands::noop},
    {"LOGOUT", kAnyState, Updates::kNone, commands::logout},
    {"ID", kAnyState, Updates::kAll, commands::id},
    {"STARTTLS", kNotAuthenticated, Updates::kNone, commands::starttls},
    {"LOGIN", kNotAuthenticated, Updates::kNone, commands::login},
    {"AUTHENTICATE", kNotAuthenticated, Updates::kNone, commands::authenticate},
    {"COMPRESS", kSignedIn, Updates::kAll, commands::compress},
    {"ENABLE", kSignedIn, Updates::kAll, commands::enable},
    {"SELECT", kSignedIn, Updates::kNone, commands::select},
    {"EXAMINE", kSignedIn, Updates::kNone, commands::examine},
    {"CREATE", kSignedIn, Updates::kAll, commands::create},
    {"DELETE", kSignedIn, Updates::kAll, commands::remove},
    {"RENAME", kSignedIn, Updates::kAll, commands::rename},
    {"SUBSCRIBE", kSignedIn, Updates::kAll, commands::subscribe},
    {"UNSUBSCRIBE", kSignedIn, Updates::kAll, commands::unsubscribe},
    {"LIST", kSignedIn, Updates::kAll, commands::list},
    {"LSUB", kSignedIn, Updates::kAll, commands::lsub},
    {"STATUS", kSignedIn, Updates::kAll, commands::status},
    {"GETQUOTA", kSignedIn, Updates::kAll, commands::get_quota},
    {"GETQUOTAROOT", kSignedIn, Updates::kAll, commands::get_quota_root},
    {"NAMESPACE", kSignedIn, Updates::kAll, commands::name_space},
    {"APPEND", kSignedIn, Updates::kAll, commands::append},
    {"IDLE", kSignedIn, Updates::kAll, commands::idle},
    {"REPLACE", kSelected, Updates::kAll, commands::replace},
    {"UID REPLACE", kSelected, Updates::kAll, commands::replace},
    {"CHECK", kSelected, Updates::kAll, commands::check},
    {"CLOSE", kSelected, Updates::kNone, commands::close},
    {"UNSELECT", kSelected, Updates::kNone, commands::unselect},
    {"EXPUNGE", kSelected, Updates::kAll, commands::expunge},
    {"UID EXPUNGE", kSelected, Updates::kAll, commands::expunge},
    {"SEARCH", kSelected, Updates::kWithoutExpunge, commands::search},
    {"UID SEARCH", kSelected, Updates::kAll, commands::search},
    {"SORT", kSelected, Updates::kWithoutExpunge, commands::sort},
    {"UID SORT", kSelected, Updates::kAll, commands::sort},
    {"THREAD", kSelected, Updates::kWithoutExpunge, commands::thread},
    {"UID THREAD", kSelected, Updates::kAll, commands::thread},
    {"FETCH", kSelected, Updates::kWithoutExpunge, commands::fetch},
    {"UID FETCH", kSelected, Updates::kAll, commands::fetch},
    {"STORE", kSelected, Updates::kWithoutExpunge, commands::store},
    {"UID STORE", kSelected, Updates::kAll, commands::store},
    {"COPY", kSelected, Updates::kAll, commands::copy},
    {"UID COPY", kSelected, Updates::kAll, commands::copy},
    {"MOVE", kSelected, Updates::kAll, commands::move},
    {"UID MOVE", kSelected, Updates::kAll, commands::move},
};

}  // namespace

const CommandEntry* find_command(std::string_view name) noexcept {
  for (const CommandEntry& entry : kCommands) {
    if (mail::iequals(entry.name, name)) return &entry;
  }
  return nullptr;
}

}  // namespace mailstead::imap
