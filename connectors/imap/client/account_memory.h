// What a retriever knows of its server and account beyond one session. The part in encode() outlives the process too.
//
// All of it is a hint: whatever the server announces now wins, and a hint that proves wrong is dropped. Nothing in it
// is secret, and nothing in it was learnt from a peer before TLS where TLS is wanted.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "connectors/imap/client/capabilities.h"
#include "connectors/imap/client/personal_namespace.h"
#include "mail/limits.h"

namespace mailstead::imap {

struct AccountMemory {
  // Whether commands may travel behind a sign-in in the same write (some servers drop what they read ahead).
  enum class Pipelining { kUnknown, kWorks, kBreaks };

  std::string peer;            // whom it is about: memory of another server or user is none
  Capabilities before, after;  // the sign-in
  bool tells_after = false;    // the end of the sign-in brings the capabilities that hold after it
  std::string mechanism;       // that worked last, kLoginCommand for LOGIN; "": none is known
  Pipelining pipelining = Pipelining::kUnknown;
  std::optional<PersonalNamespace> own;  // of the user's folders
  bool compress_refused = false;         // COMPRESS was announced and then refused
  bool list_status_refused = false;      // likewise LIST … RETURN (STATUS …)
  bool one_by_one = false;               // the server tells UIDs after bodies
  bool unpipelined = false;              // it refuses or drops what is sent before the last command was answered
  unsigned drops_in_flight = 0;          // connections in a row that broke with several commands under way
  bool slow_sizes = false;               // RFC822.SIZE makes it read every message

  // Of this process only: the folders that a limit left in the middle, and the download window that fits the line.
  std::map<std::string, bool> unfinished;
  mail::ByteCount window_bytes = 0;  // 0: unknown

  static constexpr std::string_view kLoginCommand = "-";

  // A text of at most kMaxEncodedMemory octets.
  [[nodiscard]] std::string encode() const;
  // What cannot be read is left out; a text of another version is no text.
  [[nodiscard]] static AccountMemory decode(std::string_view text);
};

inline constexpr std::size_t kMaxEncodedMemory = 16 * 1024;
inline constexpr std::size_t kMaxRememberedPeer = 600;  // octets

}  // namespace mailstead::imap
