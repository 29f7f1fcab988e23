// A remote folder under a new numbering: its messages are held against the rows of those we have, and a row that is
// found takes the new UID or UIDL, so that each is found once. For the writer.
#pragma once

#include <string>
#include <unordered_set>

#include "storage/ledger.h"
#include "storage/sqlite/write_context.h"

namespace mailstead::storage::sqlite {

// Forgets progress, and sets pending clean-ups aside until their messages are found again.
void restart(WriteContext& context, FolderRow& row, std::uint32_t uid_validity);

// Whether the message is surely one of those we have; if so it is done now. `gone`: see Ledger::adopt().
bool adopt(WriteContext& context, FolderRow& row, const Shown& shown, const std::unordered_set<std::string>& gone);

// The same for a message that was fetched because it was not surely known: by its fingerprint, in this folder only.
std::optional<MessageId> adopt_by_fingerprint(WriteContext& context, FolderRow& row, Uid uid,
                                              const mail::Sha256& fingerprint);

// The whole folder was seen.
void end_matching(WriteContext& context, FolderRow& row);

}  // namespace mailstead::storage::sqlite
