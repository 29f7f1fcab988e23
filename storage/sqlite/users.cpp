#include "storage/mailbox_name.h"
#include "storage/sqlite/accounts.h"

#include <array>

namespace mailstead::storage::sqlite {
namespace {

struct StandardMailbox {
  const char* name;
  const char* special_use;  // RFC 6154
};
constexpr std::array kStandardMailboxes = {
    StandardMailbox{kInbox, ""},       StandardMailbox{"Archive", "\\Archive"}, StandardMailbox{"Drafts", "\\Drafts"},
    StandardMailbox{"Junk", "\\Junk"}, StandardMailbox{"Sent", "\\Sent"},       StandardMailbox{"Trash", "\\Trash"},
    StandardMailbox{kUndelivered, ""},
};

std::vector<AppPassword> app_passwords_of(Connection& db, const std::string& user) {
  std::vector<AppPassword> found;
  Query query = db.query("SELECT name, keys, created, last_use FROM app_passwords WHERE user = ?1 ORDER BY name");
  query.bind(user);
  while (query.next())
    found.push_back(
        {query.string(0), query.string(1), query.time(2), query.null(3) ? std::nullopt : std::optional(query.time(3))});
  return found;
}

}  // namespace

std::optional<User> SqliteUsers::find(const std::string& name) const {
  auto db = database_.readers.lend();
  Query query = db->query("SELECT name, keys, created FROM users WHERE name = ?1");
  query.bind(name);
  if (!query.next()) return std::nullopt;
  return User{query.string(0), query.string(1), query.time(2), app_passwords_of(*db, name)};
}

std::vector<User> SqliteUsers::list() const {
  auto db = database_.readers.lend();
  std::vector<User> found;
  Query query = db->query("SELECT name, keys, created FROM users ORDER BY name");
  while (query.next()) found.push_back({query.string(0), query.string(1), query.time(2), {}});
  for (User& user : found) user.app_passwords = app_passwords_of(*db, user.name);
  return found;
}

bool SqliteUsers::add(const User& user) {
  bool added = false;
  database_.write([&](WriteContext& context) {
    context.db.query("INSERT OR IGNORE INTO users (name, keys, created) VALUES (?1, ?2, ?3)")
        .bind(user.name, user.keys, user.created)
        .run();
    added = context.db.changes() > 0;
    if (!added) return;
    for (const StandardMailbox& standard : kStandardMailboxes) {
      if (context.mailboxes.find(user.name, standard.name) == nullptr) {
        static_cast<void>(context.mailboxes.create(user.name, standard.name, true, standard.special_use));
      }
      context.db.query("INSERT OR IGNORE INTO subscriptions (user, name) VALUES (?1, ?2)")
          .bind(user.name, standard.name)
          .run();
    }
  });
  return added;
}

bool SqliteUsers::set_keys(const std::string& name, const std::string& keys) {
  bool found = false;
  database_.write([&](WriteContext& context) {
    context.db.query("UPDATE users SET keys = ?2 WHERE name = ?1").bind(name, keys).run();
    found = context.db.changes() > 0;
  });
  return found;
}

AppPasswordAnswer SqliteUsers::add_app_password(const std::string& user, const AppPassword& password) {
  auto answer = AppPasswordAnswer::kDone;
  database_.write([&](WriteContext& context) {
    answer = AppPasswordAnswer::kDone;  // a command may be tried twice
    Query query = context.db.query(
        "SELECT (SELECT count(*) FROM users WHERE name = ?1), (SELECT count(*) FROM app_passwords WHERE user = ?1), "
        "(SELECT count(*) FROM app_passwords WHERE user = ?1 AND name = ?2)");
    query.bind(user, password.name);
    if (!query.next() || query.integer(0) == 0)
      answer = AppPasswordAnswer::kNoSuchUser;
    else if (query.integer(2) > 0)
      answer = AppPasswordAnswer::kExists;
    else if (query.number<std::size_t>(1) >= kMaxAppPasswords)
      answer = AppPasswordAnswer::kTooMany;
    if (answer != AppPasswordAnswer::kDone) return;
    context.db.query("INSERT INTO app_passwords (user, name, keys, created) VALUES (?1, ?2, ?3, ?4)")
        .bind(user, password.name, password.keys, password.created)
        .run();
  });
  return answer;
}

bool SqliteUsers::remove_app_password(const std::string& user, const std::string& name) {
  bool found = false;
  database_.write([&](WriteContext& context) {
    context.db.query("DELETE FROM app_passwords WHERE user = ?1 AND name = ?2").bind(user, name).run();
    found = context.db.changes() > 0;
  });
  return found;
}

void SqliteUsers::note_uses(const std::vector<AppPasswordUse>& uses) {
  database_.write([&](WriteContext& context) {
    for (const AppPasswordUse& use : uses)
      context.db.query("UPDATE app_passwords SET last_use = ?3 WHERE user = ?1 AND name = ?2")
          .bind(use.user, use.name, use.when)
          .run();
  });
}

std::string SqliteUsers::decoy_secret() const {
  auto db = database_.readers.lend();
  Query query = db->query("SELECT value FROM keepsakes WHERE name = 'decoy'");
  return query.next() ? std::string(query.blob(0)) : std::string();
}

bool SqliteUsers::remove(const std::string& name) {
  bool found = false;
  database_.write([&](WriteContext& context) {
    context.db.query("DELETE FROM users WHERE name = ?1").bind(name).run();
    found = context.db.changes() > 0;
  });
  return found;
}

}  // namespace mailstead::storage::sqlite
