#include "mail/header_edit.h"

#include <utility>
#include <vector>

#include "mail/header.h"

namespace mailstead::mail {
namespace {

// The fields as raw lines, kept or new.
class EditedHeader {
 public:
  explicit EditedHeader(std::string_view bytes) : bytes_(bytes), block_(HeaderBlock::parse(bytes)) {
    std::size_t line_end = bytes.find('\n');
    crlf_ = line_end == std::string_view::npos || (line_end > 0 && bytes[line_end - 1] == '\r');
    kept_.assign(block_.fields().size(), true);
  }

  void apply(const HeaderEdit& edit) {
    if (edit.kind != HeaderEdit::Kind::kAdd) remove(edit.name);
    if (edit.kind == HeaderEdit::Kind::kRemove) return;
    std::string field = format_field(edit.name, edit.value);
    if (!crlf_) drop_carriage_returns(field);
    added_.push_back({edit.name, std::move(field)});
  }

  [[nodiscard]] std::string text() const {
    std::string out(envelope_lines());
    if (!out.empty() && out.back() != '\n') out.append(line_end());
    for (auto field = added_.rbegin(); field != added_.rend(); ++field) out.append(field->second);
    for (std::size_t i = 0; i < kept_.size(); ++i) {
      if (kept_[i]) out.append(block_.fields()[i].raw);
    }
    if (!block_.terminated() && !out.empty() && out.back() != '\n') out.append(line_end());
    out.append(block_.terminated() ? blank_line() : line_end());
    out.append(bytes_.substr(block_.size()));
    return out;
  }

 private:
  static void drop_carriage_returns(std::string& field) { std::erase(field, '\r'); }

  void remove(std::string_view name) {
    std::erase_if(added_, [name](const auto& field) { return iequals(field.first, name); });
    for (std::size_t i = 0; i < kept_.size(); ++i) {
      if (iequals(block_.fields()[i].name, name)) kept_[i] = false;
    }
  }

  // What stands in front of the first field: mbox "From " lines.
  [[nodiscard]] std::string_view envelope_lines() const {
    if (block_.fields().empty()) return bytes_.substr(0, block_.size() - blank_line().size());
    return bytes_.substr(0, static_cast<std::size_t>(block_.fields().front().raw.data() - bytes_.data()));
  }
  [[nodiscard]] std::string_view blank_line() const {
    if (!block_.terminated()) return {};
    std::string_view block = bytes_.substr(0, block_.size());
    return block.substr(block.size() - (block.ends_with("\r\n") ? 2 : 1));
  }
  [[nodiscard]] std::string_view line_end() const { return crlf_ ? "\r\n" : "\n"; }

  std::string_view bytes_;
  HeaderBlock block_;
  std::vector<bool> kept_;
  std::vector<std::pair<std::string, std::string>> added_;  // in order; each goes in front of those before
  bool crlf_ = true;
};

}  // namespace

std::string apply_edits(std::string_view header_bytes, std::span<const HeaderEdit> edits) {
  if (edits.empty()) return std::string(header_bytes);
  EditedHeader header(header_bytes);
  for (const HeaderEdit& edit : edits) header.apply(edit);
  return header.text();
}

std::shared_ptr<const Content> apply_edits(std::shared_ptr<const Content> message, ByteCount header_size,
                                           std::span<const HeaderEdit> edits) {
  if (edits.empty()) return message;
  std::string edited = apply_edits(read_range(*message, 0, header_size), edits);
  return std::make_shared<JoinedContent>(std::move(edited), std::move(message), header_size);
}

}  // namespace mailstead::mail
