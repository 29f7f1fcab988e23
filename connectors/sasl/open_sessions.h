// Who is signed in to our servers at this moment, so that a session ends when its password does.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "connectors/sasl/keys.h"

namespace mailstead::sasl {

// Thread-safe. Must be held by a shared_ptr: places keep it alive.
class OpenSessions : public std::enable_shared_from_this<OpenSessions> {
 public:
  // A session's own, from its sign-in to its end.
  class Place {
   public:
    Place(std::shared_ptr<OpenSessions> all, std::uint64_t id, std::shared_ptr<const std::atomic<bool>> ended)
        : all_(std::move(all)), id_(id), ended_(std::move(ended)) {}
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    ~Place() { all_->leave(id_); }
    // What it signed in with is no longer good.
    [[nodiscard]] bool revoked() const noexcept { return *ended_; }

   private:
    const std::shared_ptr<OpenSessions> all_;
    const std::uint64_t id_;
    const std::shared_ptr<const std::atomic<bool>> ended_;
  };

  // `wake` is called once, without a lock, when the session is to look at revoked(); perhaps after its end.
  // Null when `most` of the user's are open already.
  [[nodiscard]] std::unique_ptr<Place> enter(const Identity& identity, std::function<void()> wake,
                                             std::size_t most = std::numeric_limits<std::size_t>::max());

  // Those of one password ("" of `app_password`: the user's own), or of a user altogether.
  void end(const std::string& user, const std::string& app_password);
  void end(const std::string& user);

 private:
  struct Seat {
    Identity identity;
    std::function<void()> wake;
    std::shared_ptr<std::atomic<bool>> ended = std::make_shared<std::atomic<bool>>(false);
  };

  void leave(std::uint64_t id) noexcept;
  template <typename Chosen>
  void end_chosen(const Chosen& chosen);

  std::mutex mutex_;
  std::uint64_t last_ = 0;
  std::map<std::uint64_t, Seat> seats_;
  std::map<std::string, std::size_t> per_user_;
};

}  // namespace mailstead::sasl
