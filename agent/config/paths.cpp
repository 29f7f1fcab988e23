#include "agent/config/paths.h"

#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <vector>

namespace mailstead::agent {
namespace {

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int number() const noexcept { return number_; }

 private:
  int number_;
};

std::string words_of(int error) {
  return std::generic_category().message(error);
}

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

}  // namespace

std::string home_directory() {
  if (std::string home = variable("HOME"); !home.empty()) return home;
  std::vector<char> buffer(16 * 1024);
  ::passwd entry{};
  ::passwd* found = nullptr;
  if (::getpwuid_r(::getuid(), &entry, buffer.data(), buffer.size(), &found) == 0 && found != nullptr)
    return found->pw_dir;
  return {};
}

std::string resolve_path(const std::string& written, const std::string& directory) {
  std::filesystem::path path(written);
  if (written == "~" || written.starts_with("~/")) {
    path = home_directory();
    if (written.size() > 2) path /= written.substr(2);
  }
  if (path.is_relative()) path = std::filesystem::path(directory) / path;
  return path.lexically_normal().string();
}

std::string default_data_directory() {
  // systemd separates several state directories by colons; the first is ours.
  if (std::string state = variable("STATE_DIRECTORY"); !state.empty()) return state.substr(0, state.find(':'));
  if (::geteuid() == 0) return "/var/lib/mailstead";
  std::string base = variable("XDG_DATA_HOME");
  if (!base.starts_with('/')) base = home_directory() + "/.local/share";
  return base + "/mailstead";
}

std::optional<std::string> read_small_file(const std::string& path, std::size_t limit, bool& others_may_read,
                                           std::string& why) {
  Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat facts {};
  if (file.number() < 0 || ::fstat(file.number(), &facts) != 0) {
    why = words_of(errno);
    return std::nullopt;
  }
  if (S_ISDIR(facts.st_mode)) {
    why = "it is a directory";
    return std::nullopt;
  }
  others_may_read = S_ISREG(facts.st_mode) && (facts.st_mode & (S_IRGRP | S_IROTH)) != 0;
  std::string text;
  std::array<char, 65536> buffer{};
  for (;;) {
    ssize_t got = ::read(file.number(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      why = words_of(errno);
      return std::nullopt;
    }
    if (got == 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(got));
    if (text.size() > limit) {
      why = "it is larger than " + std::to_string(limit) + " octets";
      return std::nullopt;
    }
  }
}

}  // namespace mailstead::agent
