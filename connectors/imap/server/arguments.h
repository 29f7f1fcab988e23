// The arguments that several commands share. All throw Failure(kProtocol) on what is no such argument.
#pragma once

#include <string>
#include <string_view>

#include "connectors/imap/codec/cursor.h"
#include "connectors/imap/codec/sequence_set.h"
#include "connectors/imap/server/enabled.h"
#include "mail/flags.h"

namespace mailstead::imap {

// Ends the command with a tagged BAD.
[[noreturn]] void reject(std::string text);

// On the wire names are in modified UTF-7, or in UTF-8 when the client enabled that. The name as the store knows it:
// UTF-8, INBOX in capitals in its first level.
[[nodiscard]] std::string read_mailbox(Cursor& cursor, const Enabled& enabled);
void append_mailbox(std::string& out, std::string_view name, const Enabled& enabled);
// list-mailbox of LIST and LSUB: wildcards allowed; in UTF-8.
[[nodiscard]] std::string read_list_pattern(Cursor& cursor, const Enabled& enabled);
// What both together ask for, of limited length and each run of wildcards as one: matching costs name × pattern.
[[nodiscard]] std::string join_pattern(std::string_view reference, std::string_view pattern);

[[nodiscard]] SequenceSet read_sequence_set(Cursor& cursor);
[[nodiscard]] mail::Flags read_flag_list(Cursor& cursor);  // in parentheses
// In parentheses or not (STORE); up to the end of the command.
[[nodiscard]] mail::Flags read_flags(Cursor& cursor);
// Letters, digits and "." and "-": the name of a FETCH, SEARCH or STATUS item, in capitals.
[[nodiscard]] std::string read_item_name(Cursor& cursor);

}  // namespace mailstead::imap
