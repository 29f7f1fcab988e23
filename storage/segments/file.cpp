#include "storage/segments/file.h"

#include "mail/failure.h"
#include "storage/sync_failed.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

namespace mailstead::storage::segments {
namespace {

std::string words_for(int code) {
  switch (code) {
    case ENOSPC: return "the disk is full: make room and it goes on by itself";
    case EDQUOT: return "the disk quota is used up: make room and it goes on by itself";
    case EFBIG: return "the file may not grow any further: check the limit of file sizes";
    case EROFS: return "the disk is read-only: check its mount and the system log";
    case EACCES:
    case EPERM: return "no permission: check the owner and the mode of data_dir";
    case EIO: return "the disk failed: check the system log";
    case EMFILE:
    case ENFILE: return "too many open files: raise the limit (ulimit -n)";
    default: return std::strerror(code);
  }
}

}  // namespace

void throw_errno(int code, const std::string& doing) {
  throw mail::Failure(mail::FailureKind::kStorage, mail::FailureScope::kProcess, doing + ": " + words_for(code),
                      "errno " + std::to_string(code));
}

File::File(const std::string& path, int flags, unsigned mode) : path_(path) {
  do {
    descriptor_ = ::open(path.c_str(), flags | O_CLOEXEC, mode);
  } while (descriptor_ < 0 && errno == EINTR);
  if (descriptor_ < 0) throw_errno(errno, path);
}

File::File(File&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)), path_(std::move(other.path_)) {}

File& File::operator=(File&& other) noexcept {
  close();
  descriptor_ = std::exchange(other.descriptor_, -1);
  path_ = std::move(other.path_);
  return *this;
}

File::~File() {
  close();
}

void File::close() noexcept {
  if (descriptor_ >= 0) ::close(descriptor_);
  descriptor_ = -1;
}

mail::ByteCount File::size() const {
  struct stat status {};
  if (::fstat(descriptor_, &status) != 0) throw_errno(errno, path_);
  return static_cast<mail::ByteCount>(status.st_size);
}

std::size_t File::read_at(mail::ByteCount offset, std::span<char> into) const {
  std::size_t done = 0;
  while (done < into.size()) {
    ssize_t got = ::pread(descriptor_, into.data() + done, into.size() - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw_errno(errno, path_);
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  return done;
}

void File::write_at(mail::ByteCount offset, std::string_view bytes) const {
  write_pieces_at(offset, {&bytes, 1});
}

void File::write_pieces_at(mail::ByteCount offset, std::span<const std::string_view> pieces) const {
  std::vector<iovec> left;
  left.reserve(pieces.size());
  for (std::string_view piece : pieces) {
    if (!piece.empty()) left.push_back({const_cast<char*>(piece.data()), piece.size()});
  }
  std::size_t at = 0;
  while (at < left.size()) {
    auto count = static_cast<int>(std::min<std::size_t>(left.size() - at, IOV_MAX));
    ssize_t wrote = ::pwritev(descriptor_, &left[at], count, static_cast<off_t>(offset));
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) throw_errno(errno, path_);
    if (wrote == 0) throw_errno(ENOSPC, path_);
    offset += static_cast<mail::ByteCount>(wrote);
    auto rest = static_cast<std::size_t>(wrote);
    while (at < left.size() && rest >= left[at].iov_len) rest -= left[at++].iov_len;
    if (rest > 0) {
      left[at].iov_base = static_cast<char*>(left[at].iov_base) + rest;
      left[at].iov_len -= rest;
    }
  }
}

void File::truncate(mail::ByteCount size) const {
  if (::ftruncate(descriptor_, static_cast<off_t>(size)) != 0) throw_errno(errno, path_);
}

void File::sync() const {
  if (::fdatasync(descriptor_) == 0) return;
  int code = errno;
  throw SyncFailed(mail::FailureKind::kStorage, mail::FailureScope::kProcess,
                   path_ + ": the disk did not confirm a write: check the system log, then start again",
                   "fdatasync, errno " + std::to_string(code));
}

void sync_directory(const std::string& path) {
  File directory(path, O_RDONLY | O_DIRECTORY);
  if (::fsync(directory.descriptor()) == 0) return;
  int code = errno;
  throw SyncFailed(mail::FailureKind::kStorage, mail::FailureScope::kProcess,
                   path + ": the disk did not confirm a write: check the system log, then start again",
                   "fsync of a directory, errno " + std::to_string(code));
}

bool remove_file(const std::string& path) {
  if (::unlink(path.c_str()) == 0) return true;
  if (errno == ENOENT) return false;
  throw_errno(errno, path);
}

}  // namespace mailstead::storage::segments
