#include "storage/search_index.h"

#include <algorithm>

namespace mailstead::storage {

bool SearchHits::may_hold(ContentId content) const {
  return content > covered_through || std::binary_search(contents.begin(), contents.end(), content);
}

}  // namespace mailstead::storage
