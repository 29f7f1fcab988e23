#include "connectors/local/mbox_file.h"

#include <array>
#include <cerrno>
#include <charconv>
#include <condition_variable>
#include <csignal>
#include <ctime>
#include <mutex>
#include <string_view>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "connectors/local/file_failure.h"
#include "mail/ascii.h"
#include "mail/escape.h"
#include "mail/failure.h"

namespace mailstead::local {
namespace {

using mail::Failure;
using mail::FailureKind;
using mail::FailureScope;
using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kLockTurn{50};

void pause(const std::stop_token& stop, const std::string& path) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, stop, kLockTurn, [] { return false; });
  if (stop.stop_requested())
    throw Failure(FailureKind::kCancelled, FailureScope::kSession, "stopped while waiting for the lock of " + path);
}

[[noreturn]] void held(const std::string& path, const char* by) {
  throw Failure(FailureKind::kTemporary, FailureScope::kSession,
                mail::printable(path, 300) + ": another program holds its lock (" + by + ")");
}

std::string directory_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash + 1);
}

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

// "PROCESS:HOST", as Dovecot and liblockfile read it, too.
std::string owner_of(pid_t process) {
  return std::to_string(process) + ':' + host_name();
}

// Whether the lock names a process of this machine that is no more.
bool names_the_dead(const std::string& lock) {
  const Descriptor file(::open(lock.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  std::array<char, 300> text{};
  const auto length = file ? ::read(file.get(), text.data(), text.size()) : -1;
  if (length <= 0) return false;
  const std::string_view owner = mail::trim({text.data(), static_cast<std::size_t>(length)});
  pid_t process = 0;
  const auto [end, error] = std::from_chars(owner.data(), owner.data() + owner.size(), process);
  if (error != std::errc{} || process <= 0 || owner != owner_of(process)) return false;
  return ::kill(process, 0) != 0 && errno == ESRCH;
}

bool is_stale(const std::string& lock) {
  struct stat status {};
  if (::lstat(lock.c_str(), &status) != 0) return false;
  return std::time(nullptr) - status.st_mtime > kStaleLock.count() || names_the_dead(lock);
}

}  // namespace

MboxFile::MboxFile(const std::string& path, const std::stop_token& stop) : path_(path) {
  lock_by_dot(stop);
  try {
    do open();
    while (!lock_by_fcntl(stop));
  } catch (...) {
    if (!dot_lock_.empty()) ::unlink(dot_lock_.c_str());
    throw;
  }
}

MboxFile::~MboxFile() {
  file_.reset();
  if (!dot_lock_.empty()) ::unlink(dot_lock_.c_str());
}

void MboxFile::lock_by_dot(const std::stop_token& stop) {
  const std::string lock = path_ + ".lock";
  const auto limit = Clock::now() + kLockWait;
  for (;;) {
    const Descriptor made(::open(lock.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (made) {
      const std::string owner = owner_of(::getpid()) + '\n';
      [[maybe_unused]] const auto written = ::write(made.get(), owner.data(), owner.size());
      dot_lock_ = lock;
      return;
    }
    if (errno == EACCES || errno == EPERM || errno == EROFS) return;
    if (errno != EEXIST) throw_file_failure(errno, path_, "lock the mailbox");
    if (is_stale(lock) && ::unlink(lock.c_str()) == 0) continue;
    if (Clock::now() >= limit) held(path_, lock.substr(lock.rfind('/') + 1).c_str());
    pause(stop, path_);
  }
}

void MboxFile::open() {
  created_ = false;
  file_ = Descriptor(::open(path_.c_str(), O_RDWR | O_CLOEXEC | O_NONBLOCK));
  if (!file_ && errno == ENOENT) {
    file_ = Descriptor(::open(path_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    created_ = static_cast<bool>(file_);
    // Somebody else made it just now.
    if (!file_ && errno == EEXIST) file_ = Descriptor(::open(path_.c_str(), O_RDWR | O_CLOEXEC | O_NONBLOCK));
  }
  if (!file_ && errno == EISDIR)
    throw Failure(FailureKind::kConfiguration, FailureScope::kAccount,
                  mail::printable(path_, 300) + ": is a directory: for a Maildir set \"type\": \"maildir\"");
  if (!file_) throw_file_failure(errno, path_, "open the mailbox");
  struct stat status {};
  if (::fstat(file_.get(), &status) != 0) throw_file_failure(errno, path_, "look at the mailbox");
  if (!S_ISREG(status.st_mode))
    throw Failure(FailureKind::kConfiguration, FailureScope::kAccount,
                  mail::printable(path_, 300) + ": is no file, so it cannot be an mbox");
}

// False when the file was put aside while we waited (a mail reader that writes a new one): what is locked then is the
// old one. The lock belongs to the open file, so that two threads of ours exclude each other.
bool MboxFile::lock_by_fcntl(const std::stop_token& stop) {
  const auto limit = Clock::now() + kLockWait;
  struct flock whole {};
  whole.l_type = F_WRLCK;
  whole.l_whence = SEEK_SET;
  while (::fcntl(file_.get(), F_OFD_SETLK, &whole) != 0) {
    if (errno != EAGAIN && errno != EACCES && errno != EINTR) throw_file_failure(errno, path_, "lock the mailbox");
    if (Clock::now() >= limit) held(path_, "fcntl");
    pause(stop, path_);
  }
  struct stat opened {
  }, named{};
  return ::fstat(file_.get(), &opened) == 0 && ::stat(path_.c_str(), &named) == 0 && opened.st_ino == named.st_ino &&
         opened.st_dev == named.st_dev;
}

mail::ByteCount MboxFile::size() const {
  struct stat status {};
  if (::fstat(file_.get(), &status) != 0) throw_file_failure(errno, path_, "look at the mailbox");
  return static_cast<mail::ByteCount>(status.st_size);
}

std::string MboxFile::read(mail::ByteCount offset, std::size_t length) const {
  std::string bytes(length, '\0');
  std::size_t got = 0;
  while (got < length) {
    const auto count = ::pread(file_.get(), bytes.data() + got, length - got, static_cast<off_t>(offset + got));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw_file_failure(errno, path_, "read the mailbox");
    if (count == 0) break;
    got += static_cast<std::size_t>(count);
  }
  bytes.resize(got);
  return bytes;
}

void MboxFile::write(mail::ByteCount offset, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto count = ::pwrite(file_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw_file_failure(errno, path_, "write to the mailbox");
    bytes.remove_prefix(static_cast<std::size_t>(count));
    offset += static_cast<mail::ByteCount>(count);
  }
}

void MboxFile::truncate(mail::ByteCount size) {
  while (::ftruncate(file_.get(), static_cast<off_t>(size)) != 0)
    if (errno != EINTR) throw_file_failure(errno, path_, "cut the mailbox back");
}

void MboxFile::sync(Sync what) {
  if (::fsync(file_.get()) != 0) throw_file_failure(errno, path_, "sync the mailbox");
  if (!created_ && what == Sync::kAsNeeded) return;
  const Descriptor directory(::open(directory_of(path_).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  // A directory that may be written to but not read cannot be synced by name; its file was.
  if (directory && ::fsync(directory.get()) != 0) throw_file_failure(errno, directory_of(path_), "sync");
}

}  // namespace mailstead::local
