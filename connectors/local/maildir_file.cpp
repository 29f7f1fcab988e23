#include "connectors/local/maildir_file.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>

#include "mail/failpoint.h"
#include "mail/failure.h"
#include "mail/unix_lines.h"

namespace mailstead::local {
namespace {

using mail::Failure;
using mail::FailureKind;
using mail::FailureScope;

constexpr int kCreate = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
constexpr std::size_t kBlock = 64 * 1024;

// Calls visit() with blocks of at most kBlock and insists on the whole.
template <typename Visit>
void for_each_block(const mail::Content& content, Visit&& visit) {
  mail::ByteCount read = 0;
  mail::for_each_chunk(content, 0, content.size(), [&](std::string_view chunk) {
    read += chunk.size();
    for (; !chunk.empty(); chunk.remove_prefix(std::min(chunk.size(), kBlock))) visit(chunk.substr(0, kBlock));
  });
  if (read != content.size()) {
    throw Failure(FailureKind::kStorage, FailureScope::kMessage, "the kept message is shorter than it should be");
  }
}

bool unsupported(int error) noexcept {
  return error == EINVAL || error == ENOSYS || error == EOPNOTSUPP;
}

}  // namespace

MaildirFile::MaildirFile(const MaildirFolder& folder, std::string name) : folder_(folder), name_(std::move(name)) {
  file_ = Descriptor(::openat(folder_.tmp.get(), name_.c_str(), kCreate, 0600));
  if (!file_ && errno == EEXIST) {
    ::unlinkat(folder_.tmp.get(), name_.c_str(), 0);
    file_ = Descriptor(::openat(folder_.tmp.get(), name_.c_str(), kCreate, 0600));
  }
  if (!file_) throw_file_failure(errno, folder_.path, "create a file in tmp/");
}

MaildirFile::~MaildirFile() {
  if (!moved_) ::unlinkat(folder_.tmp.get(), name_.c_str(), 0);
}

void MaildirFile::append(std::string_view bytes, const std::stop_token& stop) {
  if (stop.stop_requested()) {
    throw Failure(FailureKind::kCancelled, FailureScope::kSession, "stopped while writing to " + folder_.path);
  }
  while (!bytes.empty()) {
    auto count = ::write(file_.get(), bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw_file_failure(errno, folder_.path, "write to a file in tmp/");
    bytes.remove_prefix(static_cast<std::size_t>(count));
    size_ += static_cast<std::size_t>(count);
  }
}

bool MaildirFile::write_with_lf(const mail::Content& content, const std::stop_token& stop) {
  mail::UnixLines lines;
  std::string converted;
  for_each_block(content, [&](std::string_view block) {
    if (!lines.reversible()) return;
    converted.clear();
    lines.convert(block, converted);
    append(converted, stop);
  });
  converted.clear();
  lines.finish(converted);
  append(converted, stop);
  return lines.reversible();
}

void MaildirFile::write_unchanged(const mail::Content& content, const std::stop_token& stop) {
  if (::ftruncate(file_.get(), 0) != 0 || ::lseek(file_.get(), 0, SEEK_SET) != 0) {
    throw_file_failure(errno, folder_.path, "write to a file in tmp/");
  }
  size_ = 0;
  for_each_block(content, [&](std::string_view block) { append(block, stop); });
}

void MaildirFile::write(const mail::Content& content, MaildirSettings::LineEnds line_ends, mail::WallTime date,
                        const std::stop_token& stop) {
  bool written = line_ends == MaildirSettings::LineEnds::kLf && write_with_lf(content, stop);
  if (!written) write_unchanged(content, stop);
  timespec when{};
  when.tv_sec = static_cast<time_t>(date.time_since_epoch().count());
  const timespec times[2] = {when, when};
  ::futimens(file_.get(), times);  // a date the file system cannot hold is no reason to refuse a message
  MAILSTEAD_FAILPOINT("maildir.before_sync");
  if (::fsync(file_.get()) != 0) throw_file_failure(errno, folder_.path, "sync a file in tmp/");
  file_.reset();
}

bool MaildirFile::move_to(const Descriptor& directory, const std::string& name) {
  int from = folder_.tmp.get(), into = directory.get();
  int failed = ::renameat2(from, name_.c_str(), into, name.c_str(), RENAME_NOREPLACE);
  if (failed != 0 && unsupported(errno)) {
    // A file system without RENAME_NOREPLACE: a link never replaces either.
    failed = ::linkat(from, name_.c_str(), into, name.c_str(), 0);
    if (failed == 0) ::unlinkat(from, name_.c_str(), 0);
  }
  if (failed != 0 && errno == EEXIST) return false;
  if (failed != 0) throw_file_failure(errno, folder_.path, "move a file out of tmp/");
  moved_ = true;
  return true;
}

}  // namespace mailstead::local
