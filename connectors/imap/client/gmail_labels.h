// Gmail's labels (X-GM-EXT-1) as flags and keywords of a message.
//
// \Starred becomes \Flagged and \Draft \Draft; the other labels of the system become $Inbox, $Sent, $Important, $Junk
// and $Trash; a label of the user becomes $Label_NAME, in which what a keyword may not hold stands as "_" and letters
// outside ASCII stay in the modified UTF-7 of the wire. Bounded: kMaxLabelKeywords a message, kMaxLabelLength octets
// each.
#pragma once

#include <string>
#include <vector>

#include "connectors/imap/client/folder.h"
#include "mail/flags.h"

namespace mailstead::imap {

inline constexpr std::size_t kMaxLabelKeywords = 32;
inline constexpr std::size_t kMaxLabelLength = 100;

// The label of the folder itself is not among `labels`: it is added.
void add_gmail_labels(const std::vector<std::string>& labels, const Folder& folder, mail::Flags& flags);

}  // namespace mailstead::imap
