// What is known of servers ahead of any experience with them: by the name of their host, and by their greeting. One row
// a kind. What a server teaches in the course of a session is AccountMemory's.
#pragma once

#include <cstddef>
#include <string_view>

namespace mailstead::imap {

struct ServerQuirks {
  std::size_t connections = 8;   // of one user at once; Dovecot grants 10 by default, and others sign in, too
  bool id_first = false;         // wants ID ahead of the sign-in
  bool move_works = true;        // false: MOVE is announced, and COPY and delete are the safer way
  bool bears_pipelining = true;  // of downloads; false: one command at a time
};

// `greeting`: the text of the server's first line, or empty. Never throws.
[[nodiscard]] ServerQuirks quirks_of(std::string_view host, std::string_view greeting = {});

}  // namespace mailstead::imap
