#include "agent/config/document.h"

#include <glob.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/config/json_cursor.h"
#include "agent/config/json_text.h"
#include "agent/config/paths.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <tuple>
#include <utility>

namespace mailstead::agent {
namespace {

using nlohmann::json;

// Sections of named entries; the entries of several files stand side by side.
constexpr std::string_view kMerged[] = {"accounts", "destinations", "spam_filters",
                                        "users",    "listeners",    "rule_groups"};

std::string child(const std::string& pointer, std::string_view token) {
  std::string out = pointer;
  append_token(out, token);
  return out;
}

bool is_at_or_under(const std::string& pointer, const std::string& base) {
  return pointer.starts_with(base) && (pointer.size() == base.size() || pointer[base.size()] == '/');
}

std::optional<SourceFile> read_file(const std::string& path, const std::string& name,
                                    std::vector<ConfigProblem>& problems) {
  SourceFile file;
  file.name = name;
  std::string why;
  auto text = read_small_file(path, kMaxConfigBytes + 1, file.others_may_read, why);
  if (!text) {
    problems.push_back({name, 0, 0, {}, "cannot be read: " + why, {}});
    return std::nullopt;
  }
  file.text = std::move(*text);
  file.directory = std::filesystem::absolute(path).parent_path().lexically_normal().string();
  return file;
}

enum class Shape { kObject, kList };

std::optional<json> parse(const SourceFile& file, std::vector<ConfigProblem>& problems, Shape shape = Shape::kObject) {
  std::vector<SyntaxFault> faults;
  auto parsed = parse_json(file.text, faults);
  for (SyntaxFault& fault : faults)
    problems.push_back(
        {file.name, fault.line, fault.column, std::move(fault.pointer), std::move(fault.what), std::move(fault.hint)});
  if (!parsed || (shape == Shape::kObject ? parsed->is_object() : parsed->is_array())) return parsed;
  problems.push_back(
      {file.name,
       1,
       0,
       {},
       shape == Shape::kObject ? "a configuration is an object in braces" : "a file of rules is a list in brackets",
       {}});
  parsed.reset();
  return parsed;
}

}  // namespace

Document::Document() : root_(std::make_unique<json>()) {}
Document::~Document() = default;

const json& Document::root() const noexcept {
  return *root_;
}

bool Document::add_main(SourceFile file, std::vector<ConfigProblem>& problems) {
  files_.push_back(std::move(file));
  auto parsed = parse(files_.front(), problems);
  if (!parsed) return false;
  *root_ = std::move(*parsed);
  include_all(problems);
  expand_rules(problems);
  return true;
}

std::unique_ptr<Document> Document::load(const std::string& path, std::vector<ConfigProblem>& problems) {
  auto file = read_file(path, path, problems);
  if (!file) return nullptr;
  std::unique_ptr<Document> made(new Document);
  return made->add_main(std::move(*file), problems) ? std::move(made) : nullptr;
}

std::unique_ptr<Document> Document::from_text(std::string_view text, const std::string& name,
                                              const std::string& directory, std::vector<ConfigProblem>& problems) {
  std::unique_ptr<Document> made(new Document);
  SourceFile file{name, std::filesystem::absolute(directory).lexically_normal().string(), std::string(text), false};
  return made->add_main(std::move(file), problems) ? std::move(made) : nullptr;
}

void Document::include_all(std::vector<ConfigProblem>& problems) {
  auto found = root_->find("include");
  if (found == root_->end()) return;
  json patterns = found->is_string() ? json::array({*found}) : *found;
  bool usable = patterns.is_array() &&
                std::all_of(patterns.begin(), patterns.end(), [](const json& one) { return one.is_string(); });
  if (!usable) {
    problems.push_back(place(0, "/include", "takes a list of file names, with * and ?", {}));
    return;
  }
  for (std::size_t i = 0; i < patterns.size(); ++i) {
    std::string pointer = found->is_array() ? "/include/" + std::to_string(i) : "/include";
    include_pattern(patterns[i].get<std::string>(), pointer, problems);
  }
}

void Document::include_pattern(const std::string& pattern, const std::string& pointer,
                               std::vector<ConfigProblem>& problems) {
  std::string path = resolve_path(pattern, files_.front().directory);
  ::glob_t matches{};
  int result = ::glob(path.c_str(), 0, nullptr, &matches);
  std::vector<std::string> names(matches.gl_pathv, matches.gl_pathv + (result == 0 ? matches.gl_pathc : 0));
  ::globfree(&matches);
  if (names.empty() && pattern.find_first_of("*?[") == std::string::npos)
    problems.push_back(place(0, pointer, "there is no file \"" + pattern + '"', {}));
  for (const std::string& name : names) include(name, problems);
}

void Document::include(const std::string& path, std::vector<ConfigProblem>& problems) {
  for (const SourceFile& known : files_) {
    std::error_code ignored;
    if (known.name == path || std::filesystem::equivalent(known.name, path, ignored)) return;
  }
  auto file = read_file(path, path, problems);
  if (!file) return;
  files_.push_back(std::move(*file));
  if (auto parsed = parse(files_.back(), problems)) merge(std::move(*parsed), files_.size() - 1, problems);
}

void Document::merge(json part, std::size_t file, std::vector<ConfigProblem>& problems) {
  for (auto& [key, value] : part.items()) {
    if (key == "$schema") continue;
    std::string pointer = child({}, key);
    if (key == "include") {
      problems.push_back(place(file, pointer, "an included file cannot include others", {}));
    } else if (!root_->contains(key)) {
      (*root_)[key] = std::move(value);
      grafts_.push_back({pointer, file, pointer});
    } else if (std::find(std::begin(kMerged), std::end(kMerged), key) != std::end(kMerged) && value.is_object() &&
               (*root_)[key].is_object()) {
      merge_entries(key, std::move(value), file, problems);
    } else if (key == "rules" && value.is_array() && (*root_)[key].is_array()) {
      json& rules = (*root_)[key];
      for (std::size_t i = 0; i < value.size(); ++i) {
        grafts_.push_back({"/rules/" + std::to_string(rules.size()), file, "/rules/" + std::to_string(i)});
        rules.push_back(std::move(value[i]));
      }
    } else {
      const SourceFile& first = file_of(pointer);
      problems.push_back(place(file, pointer, "stands in " + first.name + ", too", "leave one of the two out"));
    }
  }
}

void Document::merge_entries(const std::string& key, json entries, std::size_t file,
                             std::vector<ConfigProblem>& problems) {
  json& section = (*root_)[key];
  std::string base = child({}, key);
  for (auto& [name, value] : entries.items()) {
    std::string pointer = child(base, name);
    if (section.contains(name)) {
      const SourceFile& first = file_of(pointer);
      problems.push_back(place(file, pointer, "stands in " + first.name + ", too", "leave one of the two out"));
    } else {
      section[name] = std::move(value);
      grafts_.push_back({pointer, file, pointer});
    }
  }
}

// Files of rules, each read once, and the lists that come of them.
class Document::RuleFiles {
 public:
  RuleFiles(Document& document, std::vector<ConfigProblem>& problems) : document_(document), problems_(problems) {}

  struct Entry {
    json rule;
    Found place;
  };
  std::vector<Entry> entries;
  bool any = false;  // whether a file was included

  // `place` of the list's item.
  void add(const json& item, const Found& place) {
    if (entries.size() >= kMostRules || included_ >= kMostIncluded) {
      if (!std::exchange(told_, true)) fault(place, "more than 100,000 rules, or 10,000 included files", {});
      return;
    }
    if (!item.is_object() || !item.contains("include")) return entries.push_back({item, place});
    any = true;
    for (const auto& [key, value] : item.items())
      if (key != "include" && key != "comment")
        fault(at(place, key), "without effect beside \"include\"", "put it into a rule of its own");
    const Found here = at(place, "include");
    const json& named = item["include"];
    if (!named.is_string()) return fault(here, "takes the name of a file", {});
    include(named.get<std::string>(), here);
  }

 private:
  static constexpr std::size_t kMostRules = 100'000, kMostIncluded = 10'000;
  static constexpr std::size_t kDeepest = 32;
  struct File {
    std::size_t number = 0;
    std::optional<json> rules;
  };

  static Found at(const Found& place, std::string_view key) { return {place.file, child(place.pointer, key)}; }
  void fault(const Found& place, std::string what, std::string hint) {
    problems_.push_back(document_.place(place.file, place.pointer, std::move(what), std::move(hint)));
  }

  void include(const std::string& name, const Found& here) {
    const std::string path = resolve_path(name, document_.files_[here.file].directory);
    std::error_code error;
    const std::string canonical = std::filesystem::canonical(path, error).string();
    if (error) return fault(here, "there is no file \"" + path + '"', {});
    if (std::find(chain_.begin(), chain_.end(), canonical) != chain_.end()) {
      std::string chain;
      for (const std::string& one : chain_) chain += one + " includes ";
      return fault(here, "includes itself: " + chain + canonical, {});
    }
    if (chain_.size() >= kDeepest) return fault(here, "files of rules include each other deeper than 32 levels", {});
    ++included_;
    const File& file = read(path, canonical);
    if (!file.rules) return;
    chain_.push_back(canonical);
    for (std::size_t i = 0; i < file.rules->size(); ++i) add((*file.rules)[i], {file.number, '/' + std::to_string(i)});
    chain_.pop_back();
  }

  const File& read(const std::string& path, const std::string& canonical) {
    auto [found, is_new] = files_.try_emplace(canonical);
    if (!is_new) return found->second;
    auto source = read_file(path, path, problems_);
    if (!source) return found->second;
    document_.files_.push_back(std::move(*source));
    found->second = {document_.files_.size() - 1, parse(document_.files_.back(), problems_, Shape::kList)};
    return found->second;
  }

  Document& document_;
  std::vector<ConfigProblem>& problems_;
  std::map<std::string, File> files_;
  std::vector<std::string> chain_;
  std::size_t included_ = 0;
  bool told_ = false;
};

void Document::expand_rules(std::vector<ConfigProblem>& problems) {
  if (auto rules = root_->find("rules"); rules != root_->end()) expand_list(*rules, "/rules", problems);
  auto groups = root_->find("rule_groups");
  if (groups == root_->end() || !groups->is_object()) return;
  for (auto& [name, rules] : groups->items()) expand_list(rules, child("/rule_groups", name), problems);
}

void Document::expand_list(json& list, const std::string& pointer, std::vector<ConfigProblem>& problems) {
  if (!list.is_array()) return;
  RuleFiles rules(*this, problems);
  for (std::size_t i = 0; i < list.size(); ++i) rules.add(list[i], find(pointer + '/' + std::to_string(i)));
  if (!rules.any) return;
  std::erase_if(grafts_, [&](const Graft& graft) { return graft.at.starts_with(pointer + '/'); });
  list = json::array();
  for (RuleFiles::Entry& entry : rules.entries) {
    grafts_.push_back({pointer + '/' + std::to_string(list.size()), entry.place.file, entry.place.pointer});
    list.push_back(std::move(entry.rule));
  }
}

Document::Found Document::find(const std::string& pointer) const {
  const Graft* best = nullptr;
  for (const Graft& graft : grafts_)
    if (is_at_or_under(pointer, graft.at) && (best == nullptr || graft.at.size() > best->at.size())) best = &graft;
  if (best == nullptr) return {0, pointer};
  return {best->file, best->from + pointer.substr(best->at.size())};
}

const SourceFile& Document::file_of(const std::string& pointer) const {
  return files_[find(pointer).file];
}

ConfigProblem Document::place(std::size_t file, const std::string& local, std::string what, std::string hint) const {
  auto lines = locate(files_[file].text, {local});
  return {files_[file].name, lines[local], 0, local, std::move(what), std::move(hint)};
}

std::vector<ConfigProblem> Document::placed(const std::vector<Fault>& faults) const {
  std::vector<Found> found;
  std::vector<std::set<std::string>> wanted(files_.size());
  for (const Fault& fault : faults) {
    found.push_back(find(fault.pointer));
    wanted[found.back().file].insert(found.back().pointer);
  }
  std::vector<std::map<std::string, unsigned>> lines;
  for (std::size_t i = 0; i < files_.size(); ++i)
    lines.push_back(wanted[i].empty() ? std::map<std::string, unsigned>() : locate(files_[i].text, wanted[i]));
  std::vector<std::pair<std::tuple<std::size_t, unsigned>, ConfigProblem>> all;
  for (std::size_t i = 0; i < faults.size(); ++i) {
    auto [file, pointer] = found[i];
    unsigned line = lines[file][pointer];
    all.emplace_back(std::tuple(file, line),
                     ConfigProblem{files_[file].name, line, 0, pointer, faults[i].what, faults[i].hint});
  }
  std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<ConfigProblem> out;
  for (auto& [order, problem] : all) out.push_back(std::move(problem));
  return out;
}

}  // namespace mailstead::agent
