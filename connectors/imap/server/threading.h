// Arranges messages into threads: ORDEREDSUBJECT and REFERENCES of RFC 5256. No I/O.
//
// Time near-linear in messages and references; chains of any length cost no stack.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace mailstead::imap {

// What is known of one message. `number` orders messages that were sent in the same second.
struct ThreadRow {
  std::uint32_t number = 0;
  std::int64_t date = 0;
  std::string subject;  // base subject, for comparing (collation_key)
  bool is_reply = false;
  std::string id;                       // "" when there is none
  std::vector<std::string> references;  // the first the oldest; of In-Reply-To its first when there are none
};

[[nodiscard]] std::size_t octets_of(const ThreadRow& row);

// A thread or part of one. A dummy has no row: it holds together what answers the same missing message.
struct ThreadNode {
  static constexpr std::uint32_t kDummy = UINT32_MAX;
  std::uint32_t row = kDummy;
  std::vector<std::uint32_t> children;  // indices of nodes
};

struct Threads {
  std::vector<ThreadNode> nodes;
  std::vector<std::uint32_t> roots;
};

[[nodiscard]] Threads thread_by_subject(const std::vector<ThreadRow>& rows);
[[nodiscard]] Threads thread_by_references(const std::vector<ThreadRow>& rows);

// "(1 2 (3)(4 5))" of one root; `number_of` gives what is shown for a row.
template <typename NumberOf>
void append_thread(std::string& out, const Threads& threads, std::uint32_t root, NumberOf number_of) {
  struct Open {
    std::uint32_t node;
    std::size_t next;  // child
  };
  std::vector<Open> open{{root, 0}};
  out += '(';
  bool begun = true;  // nothing stands in the list yet
  while (!open.empty()) {
    auto& [at, next] = open.back();
    const ThreadNode& node = threads.nodes[at];
    if (next == 0 && node.row != ThreadNode::kDummy) {
      if (!begun) out += ' ';
      out += std::to_string(number_of(node.row));
      begun = false;
    }
    // A chain goes on in the same list; several children have one each.
    if (node.children.size() == 1) {
      at = node.children.front();
      next = 0;
      continue;
    }
    if (next == node.children.size()) {
      out += ')';
      open.pop_back();
      begun = false;
      continue;
    }
    if (next == 0 && !begun) out += ' ';
    std::uint32_t child = node.children[next++];
    out += '(';
    begun = true;
    open.push_back({child, 0});
  }
}

}  // namespace mailstead::imap
