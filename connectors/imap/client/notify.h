// NOTIFY (RFC 5465): one connection is told of news in all folders, the selected one by EXISTS, the others by STATUS.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/imap/client/list_folders.h"
#include "connectors/imap/client/session.h"

namespace mailstead::imap {

inline constexpr std::size_t kMaxNotified = 500;             // folders in one command
inline constexpr std::size_t kMaxNotifyCommand = 32 * 1024;  // octets; Dovecot takes 64 KiB

// How far each folder was seen, and in which there is more by now. A value; outlives connections.
class FolderNews {
 public:
  // A poll has seen it so far. Never takes back what a later look has shown.
  void polled(const std::string& name, std::uint32_t uid_validity, std::uint32_t uid_next);
  // The server says where it stands; true: that is news. It is news once.
  bool shows(const std::string& name, std::optional<std::uint32_t> uid_validity, std::optional<std::uint32_t> uid_next);
  void add(const std::string& name);
  [[nodiscard]] bool any() const noexcept { return !news_.empty() || all_; }
  // The server has lost count (NOTIFICATIONOVERFLOW): there may be news anywhere.
  void anywhere() noexcept { all_ = true; }
  // Folder names; empty with `anywhere`, too.
  [[nodiscard]] std::vector<std::string> take();

 private:
  struct Seen {
    std::uint32_t uid_validity = 0, uid_next = 0;
  };
  std::map<std::string, Seen> seen_;
  std::vector<std::string> news_;
  bool all_ = false;
};

// Asks to be told, `again` on a connection that was told before; the first STATUS of each folder comes with it. False:
// the server refuses, as it may for too many folders (or by BADEVENT). Too many for one command are for the caller to
// know (fits_notify).
[[nodiscard]] bool ask_for_news(Session& session, const std::vector<Folder>& folders, FolderNews& news, bool again);
[[nodiscard]] bool fits_notify(const std::vector<Folder>& folders) noexcept;

// One "* STATUS" of those folders into `news`. False: not about them, or unreadable.
bool read_news(std::string_view status, const std::vector<Folder>& folders, FolderNews& news);

}  // namespace mailstead::imap
