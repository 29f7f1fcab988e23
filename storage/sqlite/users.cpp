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

}  // namespace

std::optional<User> SqliteUsers::find(const std::string& name) const {
  auto db = database_.readers.lend();
  Query query = db->query("SELECT name, keys, created FROM users WHERE name = ?1");
  query.bind(name);
  if (!query.next()) return std::nullopt;
  return User{query.string(0), query.string(1), query.time(2)};
}

std::vector<User> SqliteUsers::list() const {
  auto db = database_.readers.lend();
  std::vector<User> found;
  Query query = db->query("SELECT name, keys, created FROM users ORDER BY name");
  while (query.next()) found.push_back({query.string(0), query.string(1), query.time(2)});
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

bool SqliteUsers::remove(const std::string& name) {
  bool found = false;
  database_.write([&](WriteContext& context) {
    context.db.query("DELETE FROM users WHERE name = ?1").bind(name).run();
    found = context.db.changes() > 0;
  });
  return found;
}

}  // namespace mailstead::storage::sqlite
