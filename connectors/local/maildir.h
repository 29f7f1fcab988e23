// A Maildir as destination: each message a file, written to tmp/, synced, and moved to new/ (or cur/ when it carries
// flags), with Maildir++ subfolders (".Lists.boost").
//
// Delivered exactly once: the name of the file is derived from the delivery, so that a repeated attempt finds what an
// earlier one left behind (new/ or cur/, whatever flags a reader has added since) and adds nothing. Only a reader that
// moved the message out of the folder meanwhile can make a second copy appear.
#pragma once

#include <memory>
#include <string>

#include "connectors/destination.h"

namespace mailstead::local {

struct MaildirSettings {
  // kLf: CRLF becomes LF, as everything else that fills a Maildir on Unix does (mbsync, getmail, fdm, Postfix) and
  // as its readers expect (patches piped to git am, grep, procmail). Lossless: a message with an LF of its own, from
  // which the original could not be made again, is written unchanged.
  // kKeep: always the bytes as they arrived.
  enum class LineEnds { kLf, kKeep };

  std::string path;    // absolute; its parent must exist, the rest is created with mode 0700
  std::string origin;  // what tells our queue from every other one that fills this Maildir: an id of the data directory
  std::string host_name;  // last part of file names
  LineEnds line_ends = LineEnds::kLf;
};

[[nodiscard]] std::unique_ptr<delivery::Destination> make_maildir(MaildirSettings settings);

}  // namespace mailstead::local
