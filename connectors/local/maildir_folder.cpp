#include "connectors/local/maildir_folder.h"

#include <cerrno>
#include <memory>
#include <utility>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "mail/ascii.h"
#include "mail/escape.h"
#include "mail/failure.h"

namespace mailstead::local {
namespace {

using mail::Failure;
using mail::FailureKind;
using mail::FailureScope;

constexpr std::size_t kMaxFolderName = 200;
constexpr mode_t kOnlyUs = 0700;
constexpr int kOpenDirectory = O_RDONLY | O_DIRECTORY | O_CLOEXEC;

Descriptor open_at(int where, const std::string& name, int extra, const std::string& path) {
  Descriptor directory(::openat(where, name.c_str(), kOpenDirectory | extra));
  if (!directory && errno != ENOENT) throw_file_failure(errno, path, "open");
  return directory;
}

void sync(const Descriptor& directory, const std::string& path) {
  if (::fsync(directory.get()) != 0) throw_file_failure(errno, path, "sync");
}

// Opens the child directory, making it first if it is missing and `create` says so.
Descriptor enter(const Descriptor& parent, const std::string& name, bool create, const std::string& path) {
  auto child = open_at(parent.get(), name, O_NOFOLLOW, path);
  if (child) return child;
  if (!create) throw_file_failure(ENOENT, path, "open");
  if (::mkdirat(parent.get(), name.c_str(), kOnlyUs) != 0 && errno != EEXIST) throw_file_failure(errno, path, "create");
  sync(parent, path);
  child = open_at(parent.get(), name, O_NOFOLLOW, path);
  if (!child) throw_file_failure(ENOENT, path, "open");
  return child;
}

// Others than tmp, which is all there is of a Maildir that somebody else is making at this moment.
bool has_other_entries(const Descriptor& directory) {
  int copy = ::openat(directory.get(), ".", kOpenDirectory);
  if (copy < 0) return true;
  std::unique_ptr<DIR, int (*)(DIR*)> listing(::fdopendir(copy), ::closedir);
  if (!listing) return true;
  while (const dirent* entry = ::readdir(listing.get())) {
    std::string_view name = entry->d_name;
    if (name != "." && name != ".." && name != "tmp") return true;
  }
  return false;
}

bool is_maildir(const Descriptor& directory) {
  struct stat facts {};
  return ::fstatat(directory.get(), "cur", &facts, AT_SYMLINK_NOFOLLOW) == 0 ||
         ::fstatat(directory.get(), "new", &facts, AT_SYMLINK_NOFOLLOW) == 0;
}

// The configured path itself may lead over symbolic links: it is the user's.
Descriptor open_top(const std::string& path, bool create) {
  auto top = open_at(AT_FDCWD, path, 0, path);
  if (top) {
    if (!is_maildir(top) && has_other_entries(top)) {
      throw Failure(FailureKind::kConfiguration, FailureScope::kAccount,
                    mail::printable(path, 300) + ": is a directory with other things in it, not a Maildir");
    }
    return top;
  }
  auto slash = path.rfind('/');
  auto parent_path = slash == 0 ? std::string("/") : path.substr(0, slash);
  auto parent = open_at(AT_FDCWD, parent_path, 0, parent_path);
  if (!parent) throw_file_failure(ENOENT, parent_path, "open");
  return enter(parent, path.substr(slash + 1), create, path);
}

// Maildir++: an empty file marks a subfolder, so that delivery agents find the Maildir it belongs to.
void mark_subfolder(const MaildirFolder& folder) {
  Descriptor mark(::openat(folder.top.get(), "maildirfolder", O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!mark) throw_file_failure(errno, folder.path, "mark");
}

}  // namespace

std::optional<std::string> maildir_subdirectory(std::string_view folder) {
  if (folder.size() > kMaxFolderName || mail::printable(folder, kMaxFolderName + 1) != folder) return std::nullopt;
  std::string name;
  bool first = true;
  while (!folder.empty()) {
    auto end = std::min(folder.find_first_of("/."), folder.size());
    auto level = folder.substr(0, end);
    if (level.empty() || end + 1 == folder.size()) return std::nullopt;
    folder.remove_prefix(std::min(end + 1, folder.size()));
    bool inbox = first && mail::lowered(level) == "inbox";
    first = false;
    if (!inbox) name.append(".").append(level);
  }
  return name;
}

MaildirFolder MaildirFolder::open(const std::string& path, const std::string& subdirectory, bool create) {
  MaildirFolder folder;
  folder.path = path;
  while (folder.path.size() > 1 && folder.path.ends_with('/')) folder.path.pop_back();
  if (!folder.path.starts_with('/')) {
    throw Failure(FailureKind::kConfiguration, FailureScope::kAccount,
                  mail::printable(path, 300) + ": the path of a Maildir must be absolute");
  }
  folder.top = open_top(folder.path, create);
  if (!subdirectory.empty()) {
    folder.path += '/' + subdirectory;
    folder.top = enter(folder.top, subdirectory, create, folder.path);
    if (create) mark_subfolder(folder);
  }
  // cur last would make a half-made folder look whole to is_maildir; tmp, which it does not look at, comes first.
  folder.tmp = enter(folder.top, "tmp", create, folder.path + "/tmp");
  folder.fresh = enter(folder.top, "new", create, folder.path + "/new");
  folder.cur = enter(folder.top, "cur", create, folder.path + "/cur");
  return folder;
}

}  // namespace mailstead::local
