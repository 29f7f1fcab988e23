#include "agent/service_manager.h"

#include <gtest/gtest.h>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

namespace mailstead::agent {
namespace {

using namespace std::chrono_literals;

// Sets the variables that a manager would set, for one test.
class ServiceManagerTest : public testing::Test {
 protected:
  ServiceManagerTest() { forget(); }
  ~ServiceManagerTest() override {
    forget();
    if (socket_ >= 0) ::close(socket_);
    if (!directory_.empty()) std::filesystem::remove_all(directory_);
  }

  static void forget() {
    for (const char* name : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"}) ::unsetenv(name);
  }

  // As a manager would listen; `place` is put into the environment.
  void listen(const std::string& place) {
    socket_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    place.copy(address.sun_path, sizeof address.sun_path - 1);
    if (place.front() == '@') address.sun_path[0] = '\0';
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + place.size());
    ASSERT_EQ(::bind(socket_, reinterpret_cast<const sockaddr*>(&address), size), 0);
    ::setenv("NOTIFY_SOCKET", place.c_str(), 1);
  }

  std::string in_a_directory() {
    std::string name = testing::TempDir() + "notify-XXXXXX";
    directory_ = ::mkdtemp(name.data());
    return directory_ + "/notify";
  }

  std::string heard() const {
    char text[256];
    const auto got = ::recv(socket_, text, sizeof text, 0);
    return got < 0 ? "" : std::string(text, static_cast<std::size_t>(got));
  }

  int socket_ = -1;
  std::string directory_;
};

TEST_F(ServiceManagerTest, HearsANoticeAsOneDatagram) {
  listen(in_a_directory());
  EXPECT_TRUE(tell_service_manager("READY=1"));
  EXPECT_TRUE(tell_service_manager("WATCHDOG=1"));
  EXPECT_EQ(heard(), "READY=1");
  EXPECT_EQ(heard(), "WATCHDOG=1");
  EXPECT_EQ(heard(), "");
}

TEST_F(ServiceManagerTest, HearsItInTheAbstractNamespace) {
  listen("@mailstead-test-" + std::to_string(::getpid()));
  EXPECT_TRUE(tell_service_manager("STOPPING=1"));
  EXPECT_EQ(heard(), "STOPPING=1");
}

TEST_F(ServiceManagerTest, IsNotToldWhereThereIsNone) {
  EXPECT_FALSE(tell_service_manager("READY=1"));
  for (const std::string place : {"", "/", "@", "relative", "vsock:2:1234"}) {
    ::setenv("NOTIFY_SOCKET", place.c_str(), 1);
    EXPECT_FALSE(tell_service_manager("READY=1")) << place;
  }
  ::setenv("NOTIFY_SOCKET", ("/" + std::string(200, 'x')).c_str(), 1);
  EXPECT_FALSE(tell_service_manager("READY=1"));
  ::setenv("NOTIFY_SOCKET", in_a_directory().c_str(), 1);
  EXPECT_FALSE(tell_service_manager("READY=1")) << "nobody listens there";
}

TEST_F(ServiceManagerTest, WatchdogIsAskedOfTheNamedProcessOnly) {
  EXPECT_FALSE(watchdog_timeout());
  ::setenv("WATCHDOG_USEC", "30000000", 1);
  EXPECT_EQ(watchdog_timeout(), 30s);
  ::setenv("WATCHDOG_PID", std::to_string(::getpid()).c_str(), 1);
  EXPECT_EQ(watchdog_timeout(), 30s);
  ::setenv("WATCHDOG_PID", std::to_string(::getppid()).c_str(), 1);
  EXPECT_FALSE(watchdog_timeout());
}

TEST_F(ServiceManagerTest, WatchdogWithoutASensibleTimeIsNone) {
  for (const char* text : {"", "0", "soon", "30s", "-1", "99999999999999999999", "18446744073709551615"}) {
    ::setenv("WATCHDOG_USEC", text, 1);
    EXPECT_FALSE(watchdog_timeout()) << text;
  }
  ::setenv("WATCHDOG_USEC", "1000000", 1);
  ::setenv("WATCHDOG_PID", "me", 1);
  EXPECT_FALSE(watchdog_timeout());
}

}  // namespace
}  // namespace mailstead::agent
