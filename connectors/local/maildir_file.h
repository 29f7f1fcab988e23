// The file of one message while it is written to tmp/, until it is moved into the folder or thrown away.
#pragma once

#include <stop_token>
#include <string>

#include "connectors/local/maildir.h"
#include "connectors/local/maildir_folder.h"
#include "mail/clock.h"
#include "mail/content.h"

namespace mailstead::local {

class MaildirFile {
 public:
  // Creates tmp/`name` (0600), replacing what an attempt that died left there: the name is this delivery's own.
  MaildirFile(const MaildirFolder& folder, std::string name);
  ~MaildirFile();  // removes the file from tmp/ unless it was moved
  MaildirFile(const MaildirFile&) = delete;
  MaildirFile& operator=(const MaildirFile&) = delete;

  // Writes and syncs the whole message. `date` becomes the time of the file, which servers show as INTERNALDATE.
  void write(const mail::Content& content, MaildirSettings::LineEnds line_ends, mail::WallTime date,
             const std::stop_token& stop);
  [[nodiscard]] mail::ByteCount size() const noexcept { return size_; }
  // Into `directory` (new/ or cur/) under `name`, never over another file. False when that name is taken: the message
  // is there already. The directory is not synced yet.
  [[nodiscard]] bool move_to(const Descriptor& directory, const std::string& name);

 private:
  [[nodiscard]] bool write_with_lf(const mail::Content& content, const std::stop_token& stop);
  void write_unchanged(const mail::Content& content, const std::stop_token& stop);
  void append(std::string_view bytes, const std::stop_token& stop);

  const MaildirFolder& folder_;
  std::string name_;
  Descriptor file_;
  mail::ByteCount size_ = 0;
  bool moved_ = false;
};

}  // namespace mailstead::local
