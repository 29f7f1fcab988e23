// storage/accounts.h on SQLite.
#pragma once

#include "storage/accounts.h"
#include "storage/sqlite/database.h"

namespace mailstead::storage::sqlite {

class SqliteAccounts final : public Accounts {
 public:
  explicit SqliteAccounts(const Database& database) : database_(database) {}
  [[nodiscard]] std::optional<AccountState> state(const std::string& account) const override;
  [[nodiscard]] std::vector<AccountState> states() const override;
  void save(const AccountState& state) override;

 private:
  const Database& database_;
};

class SqliteUsers final : public Users {
 public:
  explicit SqliteUsers(const Database& database) : database_(database) {}
  [[nodiscard]] std::optional<User> find(const std::string& name) const override;
  [[nodiscard]] std::vector<User> list() const override;
  [[nodiscard]] bool add(const User& user) override;
  [[nodiscard]] bool set_keys(const std::string& name, const std::string& keys) override;
  [[nodiscard]] AppPasswordAnswer add_app_password(const std::string& user, const AppPassword& password) override;
  [[nodiscard]] bool remove_app_password(const std::string& user, const std::string& name) override;
  void note_uses(const std::vector<AppPasswordUse>& uses) override;
  [[nodiscard]] std::string decoy_secret() const override;
  [[nodiscard]] bool remove(const std::string& name) override;

 private:
  const Database& database_;
};

}  // namespace mailstead::storage::sqlite
