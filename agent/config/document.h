// The text of a configuration: one file and those that it includes, put together, with the way back from each value to
// its file and line. Rules may be in files of their own, which are lists and may include others.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "agent/config/problem.h"
#include "router/rule_set.h"

namespace mailstead::agent {

struct SourceFile {
  std::string name;       // for people
  std::string directory;  // relative paths count from here; absolute
  std::string text;
  bool others_may_read = false;  // group or world
};

// What problems of values are before they get their place: a pointer into the whole.
using Fault = router::Problem;

class Document {
 public:
  // nullptr when nothing can be made of it; what was found is appended.
  [[nodiscard]] static std::unique_ptr<Document> load(const std::string& path, std::vector<ConfigProblem>& problems);
  [[nodiscard]] static std::unique_ptr<Document> from_text(std::string_view text, const std::string& name,
                                                           const std::string& directory,
                                                           std::vector<ConfigProblem>& problems);
  ~Document();

  [[nodiscard]] const nlohmann::json& root() const noexcept;
  // The file in which the value stands; the main file for what stands nowhere.
  [[nodiscard]] const SourceFile& file_of(const std::string& pointer) const;
  // Faults with file and line, in their order, main file first.
  [[nodiscard]] std::vector<ConfigProblem> placed(const std::vector<Fault>& faults) const;

 private:
  Document();
  // `from` of a file stands at `at` of the whole.
  struct Graft {
    std::string at;
    std::size_t file = 0;
    std::string from;
  };
  struct Found {
    std::size_t file = 0;
    std::string pointer;  // in that file
  };
  [[nodiscard]] bool add_main(SourceFile file, std::vector<ConfigProblem>& problems);
  void include_all(std::vector<ConfigProblem>& problems);
  void include_pattern(const std::string& pattern, const std::string& pointer, std::vector<ConfigProblem>& problems);
  void include(const std::string& path, std::vector<ConfigProblem>& problems);
  void merge(nlohmann::json part, std::size_t file, std::vector<ConfigProblem>& problems);
  // {"include": FILE} in the lists of rules: the rules of that file stand in its place.
  void expand_rules(std::vector<ConfigProblem>& problems);
  void expand_list(nlohmann::json& list, const std::string& pointer, std::vector<ConfigProblem>& problems);
  class RuleFiles;
  void merge_entries(const std::string& key, nlohmann::json entries, std::size_t file,
                     std::vector<ConfigProblem>& problems);
  [[nodiscard]] Found find(const std::string& pointer) const;
  [[nodiscard]] ConfigProblem place(std::size_t file, const std::string& local, std::string what,
                                    std::string hint) const;

  std::unique_ptr<nlohmann::json> root_;
  std::deque<SourceFile> files_;
  std::vector<Graft> grafts_;
};

}  // namespace mailstead::agent
