// A message as it stands in an mbox file (RFC 4155, quoted as mboxrd): the From_ line, the message with LF line ends
// and a ">" more before each line of ">"s and "From ", and an empty line.
//
// The record depends on the message alone, so that an attempt can recognise what an earlier one left in the file.
#pragma once

#include <string>
#include <string_view>

#include "mail/clock.h"
#include "mail/unix_lines.h"

namespace mailstead::local {

class MboxRecord {
 public:
  // "From sender@example.org Tue Nov 24 15:54:35 2026\n", in UTC; MAILER-DAEMON for the null sender. What would not
  // be one word is made one.
  [[nodiscard]] static std::string from_line(std::string_view sender, mail::WallTime date);

  // Appends to `out`, in pieces of any length; then finish() once: the line ends and an empty one follows.
  void convert(std::string_view bytes, std::string& out);
  void finish(std::string& out);

 private:
  void quote(std::string_view lines, std::string& out);

  mail::UnixLines unix_lines_;
  std::string converted_;
  std::string start_;         // of a line, held back while it may become ">…From "
  bool line_start_ = true;    // `start_` still decides
  bool ends_with_lf_ = true;  // what was appended so far
};

}  // namespace mailstead::local
