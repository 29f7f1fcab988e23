// Files of addresses and domains that rules look into: one entry a line, blank lines and what follows a "#" read over.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "router/lists.h"

namespace mailstead::agent {

// Kept in memory, read again when it changes: seen within a second. At most kMaxListFile octets each. Thread-safe.
class ListFiles final : public router::Lists {
 public:
  ListFiles();
  ~ListFiles() override;
  [[nodiscard]] bool holds(const std::string& file, std::string_view address, std::string& entry) const override;

 private:
  struct List;
  [[nodiscard]] std::shared_ptr<const List> list_of(const std::string& file) const;

  mutable std::mutex mutex_;  // guards what follows; held while a file is read
  mutable std::map<std::string, std::shared_ptr<const List>> lists_;
};

// Those of the process.
[[nodiscard]] const ListFiles& list_files();

}  // namespace mailstead::agent
