#include "agent/config/json_text.h"

#include "agent/config/json_cursor.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace mailstead::agent {
namespace {

using nlohmann::json;

bool walk(std::string_view text, JsonCursor& cursor, nlohmann::json_sax<json>& sax) {
  cursor = {text.data(), 1, false};
  return json::sax_parse(CountingIterator(cursor), CountingIterator(text.data() + text.size()), &sax,
                         json::input_format_t::json, true, true);
}

// What both walks share: the events of scalars are one.
class Walk : public nlohmann::json_sax<json> {
 public:
  bool null() override { return scalar(nullptr); }
  bool boolean(bool value) override { return scalar(value); }
  bool number_integer(number_integer_t value) override { return scalar(value); }
  bool number_unsigned(number_unsigned_t value) override { return scalar(value); }
  bool number_float(number_float_t value, const string_t&) override { return scalar(value); }
  bool string(string_t& value) override { return scalar(std::move(value)); }
  bool binary(binary_t&) override { return false; }
  bool start_object(std::size_t) override { return open(false); }
  bool start_array(std::size_t) override { return open(true); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }

 protected:
  virtual bool scalar(json value) = 0;
  virtual bool open(bool array) = 0;
  virtual bool close() = 0;
};

// Where the token begins that the library stumbled over; it tells only where the token ends.
std::size_t begin_of_fault(std::size_t end, const std::string& token, std::string_view words) {
  auto says = [words](std::string_view what) { return words.find(what) != std::string_view::npos; };
  std::size_t length = 1;
  if (says("unexpected end of input")) length = 0;
  if (says("unexpected string literal") || says("unexpected number literal")) length = token.size();
  if (says("unexpected true literal") || says("unexpected null literal")) length = 4;
  if (says("unexpected false literal")) length = 5;
  return end > length ? end - length : 0;
}

class Builder final : public Walk {
 public:
  Builder(std::string_view text, const JsonCursor& cursor, std::vector<SyntaxFault>& faults)
      : text_(text), cursor_(cursor), faults_(faults) {}

  bool key(string_t& name) override {
    track_.key(name);
    json& object = *open_.back();
    if (object.contains(name)) fault("the key stands here a second time", "leave one of the two out");
    slot_ = &object[name];
    return true;
  }
  bool parse_error(std::size_t position, const std::string& token, const json::exception& error) override {
    faults_.push_back(explain_syntax(text_, begin_of_fault(position, token, error.what()), error.what()));
    return false;
  }
  [[nodiscard]] json take() { return std::move(root_); }

 protected:
  bool scalar(json value) override {
    place(std::move(value));
    return true;
  }
  bool open(bool array) override {
    json* here = place(array ? json::array() : json::object());
    track_.begin(array);
    bool in_rules = track_.pointer().starts_with("/rules");
    if (track_.depth() > (in_rules ? kMaxRuleDepth : kMaxConfigDepth)) {
      fault("nested too deeply", {});
      return false;
    }
    open_.push_back(here);
    return true;
  }
  bool close() override {
    track_.end();
    open_.pop_back();
    return true;
  }

 private:
  json* place(json value) {
    track_.value();
    if (open_.empty()) {
      root_ = std::move(value);
      return &root_;
    }
    if (!open_.back()->is_array()) {
      *slot_ = std::move(value);
      return slot_;
    }
    open_.back()->push_back(std::move(value));
    return &open_.back()->back();
  }
  void fault(std::string what, std::string hint) {
    faults_.push_back({cursor_.line, 0, track_.pointer(), std::move(what), std::move(hint)});
  }

  std::string_view text_;
  const JsonCursor& cursor_;
  std::vector<SyntaxFault>& faults_;
  PointerTrack track_;
  json root_;
  std::vector<json*> open_;
  json* slot_ = nullptr;
};

class Locator final : public Walk {
 public:
  Locator(const JsonCursor& cursor, const std::set<std::string>& wanted, std::map<std::string, unsigned>& found)
      : cursor_(cursor), wanted_(wanted), found_(found) {}

  bool key(string_t& name) override {
    track_.key(name);
    look();
    return true;
  }
  bool parse_error(std::size_t, const std::string&, const json::exception&) override { return false; }

 protected:
  bool scalar(json) override {
    enter();
    return true;
  }
  bool open(bool array) override {
    enter();
    track_.begin(array);
    return true;
  }
  bool close() override {
    track_.end();
    return true;
  }

 private:
  void enter() {
    track_.value();
    if (track_.in_array() || track_.depth() == 0) look();
  }
  void look() {
    if (wanted_.contains(track_.pointer())) found_.emplace(track_.pointer(), cursor_.line);
  }

  const JsonCursor& cursor_;
  const std::set<std::string>& wanted_;
  std::map<std::string, unsigned>& found_;
  PointerTrack track_;
};

std::string parent_of(const std::string& pointer) {
  return pointer.substr(0, pointer.rfind('/'));
}

}  // namespace

std::optional<json> parse_json(std::string_view text, std::vector<SyntaxFault>& faults) {
  if (text.size() > kMaxConfigBytes) {
    faults.push_back({0, 0, {}, "the file is larger than 16 MB", {}});
    return std::nullopt;
  }
  JsonCursor cursor;
  Builder builder(text, cursor, faults);
  if (!walk(text, cursor, builder)) return std::nullopt;
  return builder.take();
}

std::map<std::string, unsigned> locate(std::string_view text, const std::set<std::string>& pointers) {
  std::set<std::string> wanted;
  for (std::string pointer : pointers)
    for (wanted.insert(pointer); !pointer.empty();) wanted.insert(pointer = parent_of(pointer));
  std::map<std::string, unsigned> found;
  JsonCursor cursor;
  Locator locator(cursor, wanted, found);
  (void)walk(text, cursor, locator);
  std::map<std::string, unsigned> out;
  for (const std::string& pointer : pointers) {
    std::string nearest = pointer;
    while (!nearest.empty() && !found.contains(nearest)) nearest = parent_of(nearest);
    auto line = found.find(nearest);
    out[pointer] = line == found.end() ? 1 : line->second;
  }
  return out;
}

}  // namespace mailstead::agent
