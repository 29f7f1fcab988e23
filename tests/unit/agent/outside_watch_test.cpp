#include "agent/pipeline/outside_watch.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "connectors/net/parking_lot.h"

namespace mailstead::agent {
namespace {

using namespace std::chrono_literals;

constexpr auto kPatience = 20s;

TEST(OutsideWatch, TellsOfAnotherNetworkOnceItIsQuiet) {
  net::ParkingLot lot;
  std::mutex mutex;
  std::condition_variable changed;
  std::set<std::string> addresses{"eth0 192.0.2.1"};
  std::vector<OutsideChange> told;
  Outside outside;
  outside.addresses = [&] {
    std::lock_guard lock(mutex);
    return addresses;
  };
  outside.slept = [] { return 0ns; };
  outside.settle = 20ms;
  OutsideWatch watch(
      lot,
      [&](OutsideChange change) {
        std::lock_guard lock(mutex);
        told.push_back(change);
        changed.notify_all();
      },
      outside);
  watch.ring();  // the same addresses
  const auto set = [&](std::set<std::string> now) {
    std::lock_guard lock(mutex);
    addresses = std::move(now);
  };
  set({});  // the network goes
  for (int i = 0; i < 10; ++i) watch.ring();
  set({"wlan0 198.51.100.7"});  // and comes, another one
  for (int i = 0; i < 10; ++i) watch.ring();
  std::unique_lock lock(mutex);
  ASSERT_TRUE(changed.wait_for(lock, kPatience, [&] { return !told.empty(); }));
  EXPECT_EQ(told, std::vector<OutsideChange>{OutsideChange::kNetwork});
}

}  // namespace
}  // namespace mailstead::agent
