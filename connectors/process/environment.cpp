#include "connectors/process/environment.h"

#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>

#include "mail/escape.h"
#include "mail/failure.h"

extern char** environ;

namespace mailstead::process {
namespace {

// Prefixes end in "*".
constexpr std::array<std::string_view, 21> kPassed{"HOME",
                                                   "PATH",
                                                   "USER",
                                                   "LOGNAME",
                                                   "SHELL",
                                                   "LANG",
                                                   "LANGUAGE",
                                                   "LC_*",
                                                   "TZ",
                                                   "TERM",
                                                   "TMPDIR",
                                                   "SSH_*",
                                                   "XDG_*",
                                                   "KRB5*",
                                                   "GNUPGHOME",
                                                   "GPG_*",
                                                   "DISPLAY",
                                                   "WAYLAND_DISPLAY",
                                                   "DBUS_SESSION_BUS_ADDRESS",
                                                   "XAUTHORITY",
                                                   "PWD"};

bool is_passed(std::string_view variable) {
  const std::string_view name = variable.substr(0, variable.find('='));
  return std::any_of(kPassed.begin(), kPassed.end(), [&](std::string_view one) {
    return one.ends_with('*') ? name.starts_with(one.substr(0, one.size() - 1)) : name == one;
  });
}

[[noreturn]] void refuse(const std::string& what) {
  throw mail::Failure(mail::FailureKind::kConfiguration, mail::FailureScope::kAccount, what);
}

// An entry of the user database, and the memory its texts lie in. False when there is none.
template <typename Ask>
bool look_up(passwd& entry, std::vector<char>& memory, Ask&& ask) {
  passwd* found = nullptr;
  int error = 0;
  while ((error = ask(&entry, memory.data(), memory.size(), &found)) == ERANGE && memory.size() < (1U << 20U))
    memory.resize(2 * memory.size());
  return error == 0 && found != nullptr;
}

std::vector<gid_t> groups_of(const passwd& entry) {
  std::vector<gid_t> groups(32);
  int count = static_cast<int>(groups.size());
  while (::getgrouplist(entry.pw_name, entry.pw_gid, groups.data(), &count) < 0 && groups.size() < 65536) {
    groups.resize(std::max<std::size_t>(2 * groups.size(), static_cast<std::size_t>(count)));
    count = static_cast<int>(groups.size());
  }
  groups.resize(static_cast<std::size_t>(std::max(count, 0)));
  return groups;
}

std::string own_home(const char* of_database) {
  const char* home = std::getenv("HOME");
  if (home != nullptr && *home == '/') return home;
  return of_database != nullptr ? of_database : "/";
}

}  // namespace

std::vector<std::string> whole_environment() {
  std::vector<std::string> all;
  for (char** one = environ; one != nullptr && *one != nullptr; ++one) all.emplace_back(*one);
  return all;
}

std::vector<std::string> users_environment() {
  std::vector<std::string> all = whole_environment();
  all.erase(std::remove_if(all.begin(), all.end(), [](const std::string& one) { return !is_passed(one); }), all.end());
  return all;
}

std::vector<std::string> clean_environment(const std::string& home, const Variables& variables, const Variables& own) {
  const char* path = std::getenv("PATH");
  const std::string_view known = path != nullptr && *path != '\0' ? std::string_view(path) : kUsualPath;
  std::vector<std::string> made{"PATH=" + std::string(known), "HOME=" + home, "LANG=C.UTF-8"};
  for (const auto& [name, value] : own) {
    std::erase_if(made, [begin = name + "="](const std::string& one) { return one.starts_with(begin); });
    made.push_back(name + "=" + value);
  }
  for (const auto& [name, value] : variables)
    made.push_back("MAILSTEAD_" + name + "=" + mail::printable(value, kMaxVariable));
  return made;
}

Identity identity_of(const std::string& user) {
  passwd entry{};
  std::vector<char> memory(1024);
  const bool found = user.empty()
                         ? look_up(entry, memory, [](auto... rest) { return ::getpwuid_r(::geteuid(), rest...); })
                         : look_up(entry, memory, [&](auto... rest) { return ::getpwnam_r(user.c_str(), rest...); });
  Identity who;
  who.user = ::geteuid();
  who.group = ::getegid();
  if (user.empty()) {
    who.home = own_home(found ? entry.pw_dir : nullptr);
    return who;
  }
  if (!found) refuse("there is no user " + mail::printable(user, 100) + " on this machine");
  who.name = user;
  who.home = entry.pw_uid == who.user ? own_home(entry.pw_dir) : entry.pw_dir;
  if (entry.pw_uid == who.user) return who;
  if (who.user != 0)
    refuse("only root can run a program as another user, " + mail::printable(user, 100) + ": run it as ourselves");
  who.user = entry.pw_uid;
  who.group = entry.pw_gid;
  who.groups = groups_of(entry);
  return who;
}

}  // namespace mailstead::process
