#include "connectors/imap/server/threading.h"

#include <algorithm>
#include <numeric>
#include <unordered_map>
#include <utility>

namespace mailstead::imap {
namespace {

using Index = std::uint32_t;
constexpr Index kNone = UINT32_MAX;
// A chain of answers longer than this is not looked through for loops: nothing is linked there any more.
constexpr std::size_t kLongestWalk = 10'000;
// Steps of all walks together: for each reference, and for a few in any case. Behind them nothing is linked that would
// have to be looked through.
constexpr std::size_t kStepsPerReference = 10;
constexpr std::size_t kStepsAnyway = 100'000;

class Threader {
 public:
  explicit Threader(const std::vector<ThreadRow>& rows) : rows_(rows) {
    for (const ThreadRow& row : rows) steps_left_ += kStepsPerReference * row.references.size();
  }

  Threads run() {
    link();
    collect();
    prune();
    sort_siblings(roots_);
    merge_subjects();
    sort_all();
    return {std::move(nodes_), std::move(roots_)};
  }

 private:
  [[nodiscard]] bool dummy(Index node) const { return nodes_[node].row == ThreadNode::kDummy; }

  Index make_node(Index row) {
    nodes_.push_back({row, {}});
    parents_.push_back(kNone);
    has_child_.push_back(false);
    return static_cast<Index>(nodes_.size() - 1);
  }

  // Step 1. A second message of an id that is taken counts as one without.
  void link() {
    std::vector<Index> of_row(rows_.size(), kNone);
    for (Index row = 0; row < rows_.size(); ++row) {
      of_row[row] = make_node(row);
      if (!rows_[row].id.empty()) by_id_.try_emplace(rows_[row].id, of_row[row]);
    }
    for (Index row = 0; row < rows_.size(); ++row) {
      Index before = kNone;
      for (const std::string& id : rows_[row].references) {
        Index named = node_of(id);
        if (before != kNone && parents_[named] == kNone) set_parent(named, before);
        before = named;
      }
      // What the references of others said of this message was a guess; its own count, even if there are none.
      parents_[of_row[row]] = kNone;
      if (before != kNone) set_parent(of_row[row], before);
    }
  }

  Index node_of(std::string_view id) {
    auto found = by_id_.find(id);
    if (found != by_id_.end()) return found->second;
    Index made = make_node(ThreadNode::kDummy);
    by_id_.emplace(id, made);
    return made;
  }

  // Unless that would make a loop.
  void set_parent(Index child, Index parent) {
    if (child == parent) return;
    std::size_t steps = 0;
    // Who has no child is nobody's ancestor.
    for (Index above = has_child_[child] ? parent : kNone; above != kNone; above = parents_[above]) {
      if (above == child || ++steps > kLongestWalk || steps_left_ == 0) return;
      --steps_left_;
    }
    parents_[child] = parent;
    has_child_[parent] = true;
  }

  // Step 2.
  void collect() {
    for (Index node = 0; node < nodes_.size(); ++node) {
      if (parents_[node] == kNone) {
        roots_.push_back(node);
      } else {
        nodes_[parents_[node]].children.push_back(node);
      }
    }
  }

  // All nodes below the roots, each before its children.
  [[nodiscard]] std::vector<Index> downwards() const {
    std::vector<Index> order(roots_.begin(), roots_.end());
    for (std::size_t i = 0; i < order.size(); ++i) {
      const auto& children = nodes_[order[i]].children;
      order.insert(order.end(), children.begin(), children.end());
    }
    return order;
  }

  // Step 3: a dummy gives way to its children; at the top only if it has no more than one.
  void prune() {
    std::vector<Index> order = downwards();
    for (auto at = order.rbegin(); at != order.rend(); ++at) splice(nodes_[*at].children, false);
    splice(roots_, true);
  }

  void splice(std::vector<Index>& siblings, bool at_top) {
    std::vector<Index> kept;
    kept.reserve(siblings.size());
    for (Index node : siblings) {
      auto& children = nodes_[node].children;
      if (!dummy(node) || (at_top && children.size() > 1)) {
        kept.push_back(node);
      } else {
        kept.insert(kept.end(), children.begin(), children.end());
        children.clear();
      }
    }
    siblings = std::move(kept);
  }

  // The row by whose date a node is ordered and whose subject it has: its own, or that of its first child.
  [[nodiscard]] const ThreadRow& shown(Index node) const {
    while (dummy(node)) node = nodes_[node].children.front();
    return rows_[nodes_[node].row];
  }

  // Steps 4 and 6. What is below must be in order already: the first child of a dummy stands for it.
  void sort_siblings(std::vector<Index>& siblings) {
    if (&siblings == &roots_) {
      for (Index node : roots_) {
        if (dummy(node)) sort_siblings(nodes_[node].children);
      }
    }
    std::sort(siblings.begin(), siblings.end(), [this](Index a, Index b) {
      const ThreadRow &one = shown(a), &other = shown(b);
      return std::pair(one.date, one.number) < std::pair(other.date, other.number);
    });
  }

  void sort_all() {
    std::vector<Index> order = downwards();
    for (auto at = order.rbegin(); at != order.rend(); ++at) sort_siblings(nodes_[*at].children);
    sort_siblings(roots_);
  }

  // Step 5.
  void merge_subjects() {
    std::unordered_map<std::string_view, Index> table;
    for (Index node : roots_) {
      const std::string_view subject = shown(node).subject;
      if (subject.empty()) continue;
      auto [at, added] = table.try_emplace(subject, node);
      if (added) continue;
      bool better = (dummy(node) && !dummy(at->second)) || (is_reply(at->second) && !is_reply(node));
      if (better) at->second = node;
    }
    std::vector<Index> gone_below(nodes_.size(), 0);
    std::unordered_map<Index, Index> replaced;  // by the dummy that stands in its place
    for (Index node : roots_) {
      const std::string_view subject = shown(node).subject;
      auto found = table.find(subject);
      if (subject.empty() || found == table.end() || found->second == node || gone_below[node] != 0) continue;
      gone_below[node] = 1;
      merge(node, found->second, replaced);
    }
    std::vector<Index> kept;
    for (Index node : roots_) {
      if (gone_below[node] != 0) continue;
      auto at = replaced.find(node);
      kept.push_back(at == replaced.end() ? node : at->second);
    }
    roots_ = std::move(kept);
  }

  [[nodiscard]] bool is_reply(Index node) const { return !dummy(node) && rows_[nodes_[node].row].is_reply; }

  // `first` is what the table has: it becomes the dummy where one is made.
  void merge(Index node, Index& first, std::unordered_map<Index, Index>& replaced) {
    if (dummy(first) && dummy(node)) {
      auto children = std::move(nodes_[node].children);
      nodes_[node].children.clear();
      auto& into = nodes_[first].children;
      into.insert(into.end(), children.begin(), children.end());
    } else if (dummy(first) || (is_reply(node) && !is_reply(first))) {
      nodes_[first].children.push_back(node);
    } else {
      Index both = make_node(ThreadNode::kDummy);
      nodes_[both].children = {first, node};
      replaced[first] = both;
      first = both;
    }
  }

  const std::vector<ThreadRow>& rows_;
  std::size_t steps_left_ = kStepsAnyway;
  std::vector<ThreadNode> nodes_;
  std::vector<Index> parents_;
  std::vector<bool> has_child_;
  std::vector<Index> roots_;
  std::unordered_map<std::string_view, Index> by_id_;
};

}  // namespace

std::size_t octets_of(const ThreadRow& row) {
  std::size_t octets = sizeof(row) + row.subject.size() + row.id.size();
  for (const std::string& id : row.references) octets += sizeof(id) + id.size();
  return octets;
}

Threads thread_by_references(const std::vector<ThreadRow>& rows) {
  return Threader(rows).run();
}

Threads thread_by_subject(const std::vector<ThreadRow>& rows) {
  std::vector<Index> order(rows.size());
  std::iota(order.begin(), order.end(), 0);
  auto when = [&](Index row) { return std::pair(rows[row].date, rows[row].number); };
  std::sort(order.begin(), order.end(), [&](Index a, Index b) { return when(a) < when(b); });
  // By date, so that the threads come in the order of their first messages.
  Threads threads;
  std::unordered_map<std::string_view, Index> roots;
  for (Index row : order) {
    auto node = static_cast<Index>(threads.nodes.size());
    threads.nodes.push_back({row, {}});
    auto [at, added] = roots.try_emplace(rows[row].subject, node);
    if (added) {
      threads.roots.push_back(node);
    } else {
      threads.nodes[at->second].children.push_back(node);
    }
  }
  return threads;
}

}  // namespace mailstead::imap
