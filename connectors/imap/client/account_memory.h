// What a retriever knows of its server and account beyond one session. The part in encode() outlives the process too.
//
// All of it is a hint: whatever the server announces now wins, and a hint that proves wrong is dropped. Nothing in it
// is secret, and nothing in it was learnt from a peer before TLS where TLS is wanted.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>

#include "connectors/imap/client/capabilities.h"
#include "connectors/imap/client/personal_namespace.h"
#include "storage/types.h"

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

  // Of this process only: how often the server listed a message and then did not send it …
  std::map<std::tuple<std::string, std::uint32_t, storage::Uid>, int> attempts;
  // … and the folders that a limit left in the middle.
  std::map<std::string, bool> unfinished;

  static constexpr std::string_view kLoginCommand = "-";

  // A text of at most kMaxEncodedMemory octets.
  [[nodiscard]] std::string encode() const;
  // What cannot be read is left out; a text of another version is no text.
  [[nodiscard]] static AccountMemory decode(std::string_view text);
};

inline constexpr std::size_t kMaxEncodedMemory = 16 * 1024;
inline constexpr std::size_t kMaxRememberedPeer = 600;  // octets

}  // namespace mailstead::imap
