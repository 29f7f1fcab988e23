#include "storage/sqlite/accounts.h"

namespace mailstead::storage::sqlite {
namespace {

std::optional<mail::WallTime> optional_time(const Query& row, int column) {
  if (row.null(column)) return std::nullopt;
  return row.time(column);
}

AccountState read_state(const Query& row) {
  AccountState state;
  state.account = row.string(0);
  state.last_poll = optional_time(row, 1);
  state.last_success = optional_time(row, 2);
  state.next_poll = optional_time(row, 3);
  state.retrieved_total = row.number<std::uint64_t>(4);
  state.duplicates_total = row.number<std::uint64_t>(5);
  state.bytes_total = row.number<std::uint64_t>(6);
  state.new_last_poll = row.number<std::uint32_t>(7);
  state.failures = row.number<unsigned>(8);
  state.last_error = row.string(9);
  state.paused = row.integer(10) != 0;
  state.configuration_digest = row.string(11);
  state.remote_capabilities = row.string(12);
  return state;
}

}  // namespace

std::optional<AccountState> SqliteAccounts::state(const std::string& account) const {
  auto db = database_.readers.lend();
  Query query = db->query(
      "SELECT account, last_poll, last_success, next_poll, retrieved_total, duplicates_total, bytes_total,"
      " new_last_poll, failures, last_error, paused, configuration_digest, remote_capabilities FROM accounts"
      " WHERE account = ?1");
  query.bind(account);
  if (!query.next()) return std::nullopt;
  return read_state(query);
}

std::vector<AccountState> SqliteAccounts::states() const {
  auto db = database_.readers.lend();
  std::vector<AccountState> found;
  Query query = db->query(
      "SELECT account, last_poll, last_success, next_poll, retrieved_total, duplicates_total, bytes_total,"
      " new_last_poll, failures, last_error, paused, configuration_digest, remote_capabilities FROM accounts"
      " ORDER BY account");
  while (query.next()) found.push_back(read_state(query));
  return found;
}

void SqliteAccounts::save(const AccountState& state) {
  database_.write([&](WriteContext& context) {
    context.db
        .query(
            "INSERT OR REPLACE INTO accounts (account, last_poll, last_success, next_poll, retrieved_total,"
            " duplicates_total, bytes_total, new_last_poll, failures, last_error, paused, configuration_digest,"
            " remote_capabilities) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)")
        .bind(state.account, state.last_poll, state.last_success, state.next_poll, state.retrieved_total,
              state.duplicates_total, state.bytes_total, state.new_last_poll, state.failures, state.last_error,
              state.paused, state.configuration_digest, state.remote_capabilities)
        .run();
  });
}

}  // namespace mailstead::storage::sqlite
