#include "connectors/local/saved_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>

#include "connectors/descriptor.h"
#include "connectors/local/file_failure.h"

namespace mailstead::local {
namespace {

using connectors::Descriptor;

constexpr int kDirectory = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
constexpr int kMostNumbers = 1000;
constexpr std::size_t kLongestExtension = 16;

Descriptor open_or_make(int in, const std::string& name, int more, const std::string& shown) {
  if (::mkdirat(in, name.c_str(), 0700) != 0 && errno != EEXIST) throw_file_failure(errno, shown, "make the directory");
  Descriptor made(::openat(in, name.c_str(), kDirectory | more));
  if (!made) throw_file_failure(errno, shown, "open the directory");
  return made;
}

// Removed unless it was linked to its name and unlinked.
class TemporaryFile {
 public:
  TemporaryFile(const Descriptor& directory, const std::string& shown) : directory_(directory), shown_(shown) {
    static std::atomic<unsigned> count{0};
    name_ = ".mailstead-" + std::to_string(::getpid()) + "-" + std::to_string(++count);
    ::unlinkat(directory_.get(), name_.c_str(), 0);  // of a process that died
    file_ = Descriptor(
        ::openat(directory_.get(), name_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!file_) throw_file_failure(errno, shown_, "create a file in");
  }
  ~TemporaryFile() { ::unlinkat(directory_.get(), name_.c_str(), 0); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  void write(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto count = ::write(file_.get(), bytes.data(), bytes.size());
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) throw_file_failure(errno, shown_, "write to a file in");
      bytes.remove_prefix(static_cast<std::size_t>(count));
    }
    if (::fsync(file_.get()) != 0) throw_file_failure(errno, shown_, "sync a file in");
  }
  // False when that name is taken.
  bool take_name(const std::string& name) {
    if (::linkat(directory_.get(), name_.c_str(), directory_.get(), name.c_str(), 0) == 0) return true;
    if (errno != EEXIST) throw_file_failure(errno, shown_, "name a file in");
    return false;
  }

 private:
  const Descriptor& directory_;
  const std::string& shown_;
  std::string name_;
  Descriptor file_;
};

std::size_t extension_of(const std::string& name) {
  const auto dot = name.rfind('.');
  const bool is_extension = dot != std::string::npos && dot > 0 && name.size() - dot <= kLongestExtension;
  return is_extension ? dot : name.size();
}

std::string numbered(const std::string& name, int number) {
  if (number == 1) return name;
  const std::size_t extension = extension_of(name);
  return name.substr(0, extension) + " (" + std::to_string(number) + ")" + name.substr(extension);
}

bool is_level(std::string_view level) {
  return !level.empty() && level != "." && level != ".." &&
         level.find_first_of(std::string_view("/\0", 2)) == level.npos;
}

void insist_on_level(std::string_view level, const std::string& shown) {
  if (!is_level(level)) throw_file_failure(EINVAL, shown, "use such a name in");
}

}  // namespace

std::string save_file(const std::string& directory, const std::string& folder, const std::string& name,
                      std::string_view bytes) {
  std::string shown = directory;
  Descriptor into = open_or_make(AT_FDCWD, directory, 0, shown);
  for (std::string_view rest = folder; !rest.empty();) {
    const std::string level(rest.substr(0, rest.find('/')));
    rest.remove_prefix(std::min(rest.size(), level.size() + 1));
    insist_on_level(level, shown);
    shown += "/" + level;
    into = open_or_make(into.get(), level, O_NOFOLLOW, shown);
  }
  insist_on_level(name, shown);
  TemporaryFile file(into, shown);
  file.write(bytes);
  for (int number = 1; number <= kMostNumbers; ++number) {
    const std::string taken = numbered(name, number);
    if (!file.take_name(taken)) continue;
    if (::fsync(into.get()) != 0) throw_file_failure(errno, shown, "sync");
    return shown + "/" + taken;
  }
  throw_file_failure(EEXIST, shown, "find a free name in");
}

}  // namespace mailstead::local
