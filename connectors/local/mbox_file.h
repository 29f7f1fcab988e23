// An mbox file, open and locked against every program that honours fcntl or dot locks (RFC 4155 leaves it to the
// system; these are the two that Debian's policy asks for): mail readers, Postfix, procmail, Dovecot.
//
// The dot lock is left out where its directory may not be written to (a spool of the administrator's): the fcntl lock
// must do then. A dot lock was left by a program that died when that is the program of this machine that it names, or
// when nobody touched it for kStaleLock. Two that find this out at once may both go on; the fcntl lock parts them.
#pragma once

#include <chrono>
#include <stop_token>
#include <string>

#include "connectors/descriptor.h"
#include "mail/limits.h"

namespace mailstead::local {

using connectors::Descriptor;

inline constexpr std::chrono::seconds kLockWait{30};
inline constexpr std::chrono::seconds kStaleLock{500};  // Postfix stale_lock_time

class MboxFile {
 public:
  // Creates the file (0600) where there is none. Throws Failure: kConfiguration/kAccount for what the user must mend
  // (rights, no such directory, not a file), kTemporary when others hold the lock for kLockWait, kCancelled.
  MboxFile(const std::string& path, const std::stop_token& stop);
  ~MboxFile();
  MboxFile(const MboxFile&) = delete;
  MboxFile& operator=(const MboxFile&) = delete;

  [[nodiscard]] mail::ByteCount size() const;
  // Fewer than `length` at the end only.
  [[nodiscard]] std::string read(mail::ByteCount offset, std::size_t length) const;
  void write(mail::ByteCount offset, std::string_view bytes);
  void truncate(mail::ByteCount size);
  // The file; its name, too, when it is new or `what` says so.
  enum class Sync { kAsNeeded, kWithName };
  void sync(Sync what);

 private:
  void lock_by_dot(const std::stop_token& stop);
  [[nodiscard]] bool lock_by_fcntl(const std::stop_token& stop);
  void open();

  std::string path_;
  Descriptor file_;
  std::string dot_lock_;  // of ours; "" none
  bool created_ = false;
};

}  // namespace mailstead::local
