#include "agent/control/requests.h"

#include "agent/control/poll_request.h"
#include "agent/pipeline/rerouting.h"
#include "mail/failure.h"

#include <nlohmann/json.hpp>

#include <array>
#include <string_view>
#include <vector>

namespace mailstead::agent::control {

namespace {

using nlohmann::json;

json refuse(const std::string& why) {
  return {{"ok", false}, {"error", why}};
}

std::string text(const json& request, const char* key) {
  return request.at(key).get<std::string>();
}

std::vector<storage::DeliveryId> ids_of(const json& request) {
  return request.at("ids").get<std::vector<storage::DeliveryId>>();
}

json describe(const json& /*request*/, const Room& room) {
  json answer{{"ok", true}};
  if (room.describe) room.describe(answer);
  return answer;
}

json poll(const json& request, const Room& room) {
  if (!room.poll_now) return refuse("no agent is running");
  const PollRequest wanted = read_poll_request(request);
  if (wanted.retry_skipped) forget_skipped(room.store, wanted.accounts);
  if (wanted.accounts.empty()) room.poll_now("", wanted.options);
  for (const auto& account : wanted.accounts)
    if (!room.poll_now(account, wanted.options)) return refuse("there is no account \"" + account + "\"");
  return {{"ok", true}};
}

// Those named, or all.
std::vector<storage::DeliveryId> chosen(const json& request, const Room& room) {
  if (request.contains("ids")) return ids_of(request);
  std::vector<storage::DeliveryId> ids;
  for (const auto& delivery : room.store.queue().list()) ids.push_back(delivery.id);
  return ids;
}

json changed(std::size_t asked, const std::vector<storage::DeliveryId>& missing) {
  return {{"ok", true}, {"count", asked - missing.size()}, {"missing", missing}};
}

// What is in quarantine is let out by its number alone: never with all others.
std::vector<storage::DeliveryId> chosen_outside_quarantine(const json& request, const Room& room) {
  if (request.value("by_number", false)) return ids_of(request);
  std::vector<storage::DeliveryId> ids;
  for (storage::DeliveryId id : chosen(request, room)) {
    const auto delivery = room.store.queue().find(id);
    if (!delivery || !delivery->quarantined) ids.push_back(id);
  }
  return ids;
}

// A delivery for a mailbox of ours, which was in quarantine, is placed there; the others are left.
std::vector<storage::DeliveryId> place_ours(std::vector<storage::DeliveryId> ids, const Room& room) {
  std::erase_if(ids, [&](storage::DeliveryId id) {
    const auto delivery = room.store.queue().find(id);
    if (!delivery || room.config == nullptr) return false;
    const auto found = room.config->destinations.find(delivery->destination);
    if (found == room.config->destinations.end() || found->second.type != DestinationConfig::Type::kMailbox)
      return false;
    const std::string& folder = delivery->folder.empty() ? found->second.folder : delivery->folder;
    return room.store.queue().place(id, {found->second.user, folder, delivery->flags, delivery->internal_date, 0},
                                    room.clock.wall());
  });
  return ids;
}

json retry(const json& request, const Room& room) {
  const auto ids = chosen_outside_quarantine(request, room);
  const auto missing = room.store.queue().retry_now(place_ours(ids, room), room.clock.wall());
  if (room.kick_queue) room.kick_queue();
  return changed(ids.size(), missing);
}

json hold(const json& request, const Room& room) {
  const auto ids = chosen(request, room);
  return changed(ids.size(), room.store.queue().hold(ids, room.clock.wall()));
}

json release(const json& request, const Room& room) {
  const auto ids = chosen_outside_quarantine(request, room);
  return changed(ids.size(), room.store.queue().release(place_ours(ids, room), room.clock.wall()));
}

json drop(const json& request, const Room& room) {
  const auto ids = ids_of(request);
  return changed(ids.size(), room.store.queue().drop(ids, room.clock.wall(), "dropped by the user"));
}

json add_user(const json& request, const Room& room) {
  const storage::User user{text(request, "name"), text(request, "keys"), room.clock.wall()};
  if (!room.store.users().add(user))
    return refuse("there is a user \"" + user.name + "\" already; change the password by: mailstead user passwd " +
                  user.name);
  return {{"ok", true}};
}

json set_keys(const json& request, const Room& room) {
  const std::string name = text(request, "name");
  if (!room.store.users().set_keys(name, text(request, "keys"))) return refuse("there is no user \"" + name + "\"");
  if (room.end_sessions) room.end_sessions(name, "");
  return {{"ok", true}};
}

json remove_user(const json& request, const Room& room) {
  const std::string name = text(request, "name");
  if (!room.store.users().remove(name)) return refuse("there is no user \"" + name + "\"");
  if (room.end_sessions) room.end_sessions(name, std::nullopt);
  return {{"ok", true}};
}

json add_app_password(const json& request, const Room& room) {
  using Answer = storage::AppPasswordAnswer;
  const std::string user = text(request, "user"), name = text(request, "name");
  const storage::AppPassword password{name, text(request, "keys"), room.clock.wall()};
  switch (room.store.users().add_app_password(user, password)) {
    case Answer::kDone: break;
    case Answer::kNoSuchUser: return refuse("there is no user \"" + user + "\"");
    case Answer::kExists:
      return refuse("\"" + user + "\" has a password \"" + name +
                    "\" already; revoke it by: mailstead user app-password revoke " + user + " " + name);
    case Answer::kTooMany:
      return refuse("\"" + user + "\" has " + std::to_string(storage::kMaxAppPasswords) +
                    " app passwords already; revoke those that are not used");
  }
  return {{"ok", true}};
}

json revoke_app_password(const json& request, const Room& room) {
  const std::string user = text(request, "user"), name = text(request, "name");
  if (!room.store.users().remove_app_password(user, name))
    return refuse("\"" + user + "\" has no app password \"" + name + "\"");
  if (room.end_sessions) room.end_sessions(user, name);
  return {{"ok", true}};
}

json reroute(const json& request, const Room& room) {
  const auto messages = read_misplaced(request.at("messages"));
  return {{"ok", true}, {"count", put_right(room.store, text(request, "user"), messages, room.clock.wall())}};
}

struct Request {
  std::string_view name;
  json (*run)(const json&, const Room&);
};

constexpr std::array kRequests{
    Request{"describe", describe},
    Request{"poll", poll},
    Request{"queue retry", retry},
    Request{"queue hold", hold},
    Request{"queue release", release},
    Request{"queue drop", drop},
    Request{"user add", add_user},
    Request{"user passwd", set_keys},
    Request{"user remove", remove_user},
    Request{"reroute", reroute},
    Request{"user app-password add", add_app_password},
    Request{"user app-password revoke", revoke_app_password},
};

}  // namespace

void forget_skipped(storage::Store& store, std::vector<std::string> accounts) {
  if (accounts.empty())
    for (const auto& state : store.accounts().states()) accounts.push_back(state.account);
  for (const auto& account : accounts) store.ledger().forget_skipped(account);
}

json handle(const json& request, const Room& room) {
  try {
    const std::string name = text(request, "do");
    for (const auto& known : kRequests)
      if (known.name == name) return known.run(request, room);
    return refuse("unknown request \"" + name + "\"");
  } catch (const mail::Failure& failure) {
    return refuse(failure.text());
  } catch (const json::exception&) {
    return refuse("malformed request");
  }
}

}  // namespace mailstead::agent::control
