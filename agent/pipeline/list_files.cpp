#include "agent/pipeline/list_files.h"

#include "agent/config/paths.h"
#include "mail/ascii.h"
#include "mail/clock.h"
#include "mail/escape.h"
#include "mail/failure.h"
#include "mail/units.h"

#include <sys/stat.h>

#include <cerrno>
#include <system_error>
#include <unordered_set>

namespace mailstead::agent {

namespace {

using mail::operator""_MiB;

constexpr mail::ByteCount kMaxListFile = 32_MiB;
constexpr std::chrono::seconds kLook{1};  // whether it changed

[[noreturn]] void cannot_be_read(const std::string& file, const std::string& why) {
  throw mail::Failure(mail::FailureKind::kConfiguration, mail::FailureScope::kMessage,
                      "the list " + mail::printable(file) + " cannot be read: " + why);
}

std::string whole_path(const std::string& file) {
  return file.starts_with("~/") ? home_directory() + file.substr(1) : file;
}

// What tells one state of a file from another.
struct Mark {
  ino_t number = 0;
  off_t size = 0;
  std::int64_t seconds = 0, nanoseconds = 0;
  bool operator==(const Mark&) const = default;
};

Mark mark_of(const std::string& file) {
  struct stat status {};
  if (::stat(whole_path(file).c_str(), &status) != 0) cannot_be_read(file, std::generic_category().message(errno));
  return {status.st_ino, status.st_size, status.st_mtim.tv_sec, status.st_mtim.tv_nsec};
}

std::unordered_set<std::string> entries_in(std::string_view text) {
  std::unordered_set<std::string> entries;
  while (!text.empty()) {
    const auto end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    line = mail::trim(line.substr(0, line.find('#')));
    if (line.starts_with("@")) line.remove_prefix(1);
    if (!line.empty()) entries.insert(mail::lowered(line));
  }
  return entries;
}

}  // namespace

struct ListFiles::List {
  Mark mark;
  std::unordered_set<std::string> entries;
  mutable mail::SteadyTime look_at{};  // guarded by ListFiles::mutex_
};

ListFiles::ListFiles() = default;
ListFiles::~ListFiles() = default;

std::shared_ptr<const ListFiles::List> ListFiles::list_of(const std::string& file) const {
  const auto now = std::chrono::steady_clock::now();
  std::lock_guard lock(mutex_);
  auto& kept = lists_[file];
  if (kept && now < kept->look_at) return kept;
  const Mark mark = mark_of(file);
  if (!kept || kept->mark != mark) {
    std::string why;
    bool others_may_read = false;
    const auto text = read_small_file(whole_path(file), kMaxListFile, others_may_read, why);
    if (!text) cannot_be_read(file, why);
    auto fresh = std::make_shared<List>();
    fresh->mark = mark;
    fresh->entries = entries_in(*text);
    kept = std::move(fresh);
  }
  kept->look_at = now + kLook;
  return kept;
}

bool ListFiles::holds(const std::string& file, std::string_view address, std::string& entry) const {
  const auto list = list_of(file);
  const auto found = [&](std::string candidate) {
    if (!list->entries.contains(candidate)) return false;
    entry = std::move(candidate);
    return true;
  };
  const std::string lowered = mail::lowered(address);
  if (found(lowered)) return true;
  const auto at = lowered.rfind('@');
  if (at == std::string::npos) return false;
  std::string domain = lowered.substr(at + 1);
  if (found(domain)) return true;
  for (auto dot = domain.find('.'); dot != std::string::npos; dot = domain.find('.')) {
    domain.erase(0, dot + 1);
    if (found("." + domain)) return true;
  }
  return false;
}

const ListFiles& list_files() {
  static const ListFiles kLists;
  return kLists;
}

}  // namespace mailstead::agent
