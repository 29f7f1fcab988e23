// Which messages may hold a text, told without reading them. An index beside the database that can be thrown away and
// is made anew in the background: a search asks it first, and reads only what it could not rule out.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/types.h"

namespace mailstead::storage {

struct SearchHits {
  ContentId covered_through = 0;    // later ones have not been looked at yet
  std::vector<ContentId> contents;  // ascending: those up to there that may hold the text; no other does
  [[nodiscard]] bool may_hold(ContentId content) const;
};

// Thread-safe.
class SearchIndex {
 public:
  virtual ~SearchIndex() = default;
  // `folded` is UTF-8 after mail::fold_case(). nullopt when every message has to be read: the text has fewer than three
  // characters, too many messages may hold it, or there is no index.
  [[nodiscard]] virtual std::optional<SearchHits> find(std::string_view folded) const = 0;

  struct Facts {
    ContentId covered_through = 0;
    std::string trouble;  // in words for people; "" when all is well
  };
  [[nodiscard]] virtual Facts facts() const = 0;
};

}  // namespace mailstead::storage
