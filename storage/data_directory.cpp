#include "storage/data_directory.h"

#include "mail/failure.h"
#include "storage/store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

namespace mailstead::storage {
namespace {

// Locks and shared memory do not work reliably on these (statfs(2), linux/magic.h).
struct NetworkFileSystem {
  unsigned long magic;
  const char* name;
};
constexpr std::array kNetworkFileSystems = {
    NetworkFileSystem{0x6969, "NFS"},        NetworkFileSystem{0x517b, "SMB"},
    NetworkFileSystem{0xff534d42, "CIFS"},   NetworkFileSystem{0xfe534d42, "SMB"},
    NetworkFileSystem{0x5346414f, "AFS"},    NetworkFileSystem{0x6b414653, "AFS"},
    NetworkFileSystem{0x73757245, "Coda"},   NetworkFileSystem{0x564c, "NCP"},
    NetworkFileSystem{0x00c36400, "Ceph"},   NetworkFileSystem{0x01021997, "9P"},
    NetworkFileSystem{0x0bd00bd0, "Lustre"}, NetworkFileSystem{0x7461636f, "OCFS2"},
    NetworkFileSystem{0x01161970, "GFS2"},
};

[[noreturn]] void refuse(const std::string& text) {
  throw mail::Failure(mail::FailureKind::kStorage, mail::FailureScope::kProcess, text);
}

void make_directory(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) == 0) {
    segments::sync_directory(path);
    return;
  }
  if (errno != EEXIST) segments::throw_errno(errno, path);
}

// As `mkdir -p`, each new level 0700.
void make_directories(const std::string& path) {
  for (std::size_t slash = path.find('/', 1); slash != std::string::npos; slash = path.find('/', slash + 1)) {
    std::string parent = path.substr(0, slash);
    struct stat status {};
    if (::stat(parent.c_str(), &status) != 0 && errno == ENOENT) make_directory(parent);
  }
  make_directory(path);
}

void refuse_network(const std::string& path) {
  struct statfs status {};
  if (::statfs(path.c_str(), &status) != 0) segments::throw_errno(errno, path);
  auto type = static_cast<unsigned long>(status.f_type) & 0xffffffffUL;
  for (const NetworkFileSystem& network : kNetworkFileSystems) {
    if (network.magic != type) continue;
    refuse(path + " is on a network file system (" + network.name +
           "), where a database is not safe: choose a data_dir on a local disk");
  }
}

std::string read_pid(const segments::File& file) {
  std::array<char, 32> text{};
  std::size_t got = file.read_at(0, text);
  std::string pid(text.data(), got);
  pid.resize(std::min(pid.find_first_not_of("0123456789"), pid.size()));
  return pid;
}

}  // namespace

DataDirectory::DataDirectory(std::string path, bool make) : path_(std::move(path)) {
  while (path_.size() > 1 && path_.ends_with('/')) path_.pop_back();
  if (path_.empty()) refuse("no data directory is set");
  if (make) make_directories(path_);
  struct stat status {};
  if (::stat(path_.c_str(), &status) != 0) segments::throw_errno(errno, path_);
  if (!S_ISDIR(status.st_mode)) refuse(path_ + " is not a directory");
  refuse_network(path_);
}

void DataDirectory::lock() {
  segments::File file(path_ + "/lock", O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
  if (::flock(file.descriptor(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) segments::throw_errno(errno, file.path());
    std::string pid = read_pid(file);
    throw DataDirectoryHeld(mail::FailureKind::kConfiguration, mail::FailureScope::kProcess,
                            (pid.empty() ? std::string("another process") : "process " + pid) + " holds " + path_ +
                                ": only one agent may run on a data directory");
  }
  file.truncate(0);
  file.write_at(0, std::to_string(::getpid()) + "\n");
  lock_ = std::move(file);
  make_directory(content());
  make_directory(spool());
}

bool DataDirectory::was_left_running() const {
  return ::access((path_ + "/running").c_str(), F_OK) == 0;
}

void DataDirectory::mark_running() const {
  segments::File(path_ + "/running", O_WRONLY | O_CREAT | O_NOFOLLOW, 0600);
  segments::sync_directory(path_);
}

void DataDirectory::mark_ended() const noexcept {
  ::unlink((path_ + "/running").c_str());
}

mail::ByteCount DataDirectory::free_bytes() const {
  struct statvfs status {};
  if (::statvfs(path_.c_str(), &status) != 0) segments::throw_errno(errno, path_);
  return mail::ByteCount{status.f_bavail} * status.f_frsize;
}

}  // namespace mailstead::storage
