// A store in a temporary directory, a clock that stands still and a configuration: what the tests of the agent act in.
#pragma once

#include <gtest/gtest.h>

#include <stdlib.h>

#include <atomic>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "agent/config/config.h"
#include "agent/log.h"
#include "mail/clock.h"
#include "mail/content.h"
#include "mail/scan.h"
#include "storage/store.h"

namespace mailstead::agent {

class StandingClock final : public mail::Clock {
 public:
  [[nodiscard]] mail::WallTime wall() const override { return now; }
  [[nodiscard]] mail::SteadyTime steady() const override { return mail::SteadyTime(now.time_since_epoch()); }
  mail::WallTime now{std::chrono::seconds(1'800'000'000)};
};

// The same for threads, moved by hand.
class MovedClock final : public mail::Clock {
 public:
  [[nodiscard]] mail::WallTime wall() const override { return mail::WallTime(std::chrono::seconds(wall_.load())); }
  [[nodiscard]] mail::SteadyTime steady() const override {
    return mail::SteadyTime(std::chrono::seconds(steady_.load()));
  }
  void pass(std::chrono::seconds time) {
    wall_ += time.count();
    steady_ += time.count();
  }
  void set_wall(std::chrono::seconds by) { wall_ += by.count(); }

 private:
  // Far ahead of the parking lot's clock: nothing is woken by time, but by change_outside().
  std::atomic<std::int64_t> wall_ = 1'800'000'000, steady_ = 4'000'000'000;
};

class World : public testing::Test {
 protected:
  World() {
    std::string pattern = (std::filesystem::temp_directory_path() / "mailstead-agent-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary directory");
    directory = pattern;
    storage::StoreOptions options;
    options.data_dir = directory + "/data";
    options.min_free = 0;
    store = storage::open_store(options);
  }
  ~World() override {
    store.reset();
    std::filesystem::remove_all(directory);
  }

  // The members of a configuration besides data_dir and users (me).
  void configure(const std::string& members) {
    std::vector<ConfigProblem> problems;
    config = parse_config("{\"data_dir\": \"" + directory + "/data\", \"users\": {\"me\": {}}, " + members + "}",
                          "test", directory, problems);
    for (const auto& problem : problems) ADD_FAILURE() << text_of(problem);
    ASSERT_NE(config, nullptr);
  }

  [[nodiscard]] static std::vector<std::string> bodies_in(storage::Store& where, const std::string& folder) {
    std::vector<std::string> found;
    const auto mailbox = where.mail().find("me", folder);
    if (!mailbox) return found;
    const auto snapshot = where.mail().open(mailbox->id);
    for (const auto& entry : snapshot->entries) {
      const auto content = where.content().open(entry.content);
      found.push_back(mail::read_range(*content, 0, content->size()));
    }
    return found;
  }
  [[nodiscard]] std::vector<std::string> bodies(const std::string& folder) { return bodies_in(*store, folder); }

  std::string directory;
  StandingClock clock;
  std::unique_ptr<storage::Store> store;
  std::shared_ptr<const Config> config;
};

}  // namespace mailstead::agent
