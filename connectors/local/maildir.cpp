#include "connectors/local/maildir.h"

#include <cerrno>
#include <memory>
#include <utility>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "connectors/local/local_transport.h"
#include "connectors/local/maildir_file.h"
#include "connectors/local/maildir_folder.h"
#include "connectors/local/maildir_name.h"
#include "mail/escape.h"
#include "mail/failpoint.h"
#include "mail/failure.h"
#include "mail/units.h"

namespace mailstead::local {
namespace {

using delivery::Context;
using delivery::Outgoing;
using delivery::Reply;
using mail::Failure;

// Calls visit(name) for each entry of a directory until it returns false.
template <typename Visit>
void for_each_name(const Descriptor& directory, const std::string& path, Visit&& visit) {
  int copy = ::openat(directory.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (copy < 0) throw_file_failure(errno, path, "read");
  std::unique_ptr<DIR, int (*)(DIR*)> listing(::fdopendir(copy), ::closedir);
  if (!listing) {
    ::close(copy);
    throw_file_failure(ENOMEM, path, "read");
  }
  while (const dirent* entry = ::readdir(listing.get())) {
    std::string_view name = entry->d_name;
    if (!name.starts_with('.') && !visit(name)) return;
  }
}

bool holds(const Descriptor& directory, const std::string& path, const std::string& prefix) {
  bool found = false;
  for_each_name(directory, path, [&](std::string_view name) { return !(found = name.starts_with(prefix)); });
  return found;
}

// A reader moves from new/ to cur/: looked at in that order, a message under way is not missed.
bool is_there(const MaildirFolder& folder, const std::string& prefix) {
  return holds(folder.fresh, folder.path, prefix) || holds(folder.cur, folder.path, prefix);
}

void sync_directory(const Descriptor& directory, const std::string& path) {
  if (::fsync(directory.get()) != 0) throw_file_failure(errno, path, "sync");
}

// One delivery; `maybe_there` tells how far it came when it throws.
class Delivery {
 public:
  Delivery(const MaildirSettings& settings, const Outgoing& message, const Context& context, bool& maybe_there)
      : settings_(settings), message_(message), context_(context), maybe_there_(maybe_there) {}

  // What was done, for people.
  std::string run(const std::string& subdirectory) {
    auto folder = MaildirFolder::open(settings_.path, subdirectory, true);
    auto prefix = delivery_prefix(message_, settings_.origin);
    if (message_.answer_lost && is_there(folder, prefix)) {
      // The attempt that left it may have died before this.
      sync_directory(folder.fresh, folder.path);
      sync_directory(folder.cur, folder.path);
      return "already there";
    }
    return write(folder, base_name(prefix, settings_.host_name));
  }

 private:
  std::string write(const MaildirFolder& folder, const std::string& name) {
    MaildirFile file(folder, name);
    file.write(*message_.content, settings_.line_ends, message_.internal_date, context_.stop);
    if (context_.before_commit) context_.before_commit();
    auto suffix = flags_suffix(message_.flags);
    auto final_name = name + ",S=" + std::to_string(file.size()) + suffix;
    const auto& directory = suffix.empty() ? folder.fresh : folder.cur;
    bool moved = file.move_to(directory, final_name);
    maybe_there_ = true;
    MAILSTEAD_FAILPOINT("delivery.before_answer");
    sync_directory(directory, folder.path);
    MAILSTEAD_FAILPOINT("delivery.after_answer");
    return moved ? "written" : "already there";
  }

  const MaildirSettings& settings_;
  const Outgoing& message_;
  const Context& context_;
  bool& maybe_there_;
};

class MaildirTransport final : public LocalTransport {
 public:
  explicit MaildirTransport(const MaildirSettings& settings) : settings_(settings) {}

 protected:
  Reply put(const Outgoing& message, const Context& context, bool& maybe_there) override {
    auto subdirectory = maildir_subdirectory(message.folder);
    if (!subdirectory) {
      auto text = "\"" + mail::printable(message.folder, 200) + "\" cannot be the name of a folder in a Maildir";
      return {Reply::Kind::kPermanent, 0, "", text};
    }
    return {Reply::Kind::kAccepted, 0, "", Delivery(settings_, message, context, maybe_there).run(*subdirectory)};
  }

 private:
  const MaildirSettings& settings_;
};

class Maildir final : public delivery::Destination {
 public:
  explicit Maildir(MaildirSettings settings) : settings_(std::move(settings)) {}

  std::unique_ptr<delivery::Transport> open() const override { return std::make_unique<MaildirTransport>(settings_); }

  delivery::Facts probe(std::stop_token) const override {
    delivery::Facts facts;
    facts.lines.emplace_back("path", mail::printable(settings_.path, 300));
    struct stat status {};
    if (::stat(settings_.path.c_str(), &status) != 0 && errno == ENOENT) {
      check_parent();
      facts.lines.emplace_back("messages", "0 (will be created)");
      return facts;
    }
    auto folder = MaildirFolder::open(settings_.path, "", false);
    if (::faccessat(folder.tmp.get(), ".", W_OK | X_OK, AT_EACCESS) != 0)
      throw_file_failure(errno, folder.path, "write");
    facts.lines.emplace_back("messages", std::to_string(count(folder.fresh, folder.path)) + " new, " +
                                             std::to_string(count(folder.cur, folder.path)) + " seen by a reader");
    struct statvfs disk {};
    if (::fstatvfs(folder.tmp.get(), &disk) == 0) {
      facts.lines.emplace_back("free", mail::format_size(static_cast<mail::ByteCount>(disk.f_bavail) * disk.f_frsize));
    }
    return facts;
  }

 private:
  void check_parent() const {
    auto parent = settings_.path.substr(0, settings_.path.find_last_not_of('/') + 1);
    parent = parent.substr(0, parent.rfind('/') + 1);
    if (::access(parent.c_str(), W_OK | X_OK) != 0) throw_file_failure(errno, parent, "write");
  }
  static std::size_t count(const Descriptor& directory, const std::string& path) {
    std::size_t names = 0;
    for_each_name(directory, path, [&names](std::string_view) { return ++names > 0; });
    return names;
  }

  const MaildirSettings settings_;
};

}  // namespace

std::unique_ptr<delivery::Destination> make_maildir(MaildirSettings settings) {
  return std::make_unique<Maildir>(std::move(settings));
}

}  // namespace mailstead::local
