// encode_structure and decode_structure: a version, then the parts depth first. Numbers are little-endian base 128
// without needless octets, strings their length and bytes, so that every structure has exactly one form. Version 2 has
// the root's references at the end, and there are some.
#include <utility>

#include "mail/structure.h"

namespace mailstead::mail {
namespace {

constexpr char kPlain = 1;
constexpr char kWithReferences = 2;
constexpr std::size_t kMaxDepth = 1000;  // far beyond ParseLimits::mime_depth; guards our stack
constexpr std::size_t kLeastPart = 16;   // octets of the smallest encoded part

using Pairs = std::vector<std::pair<std::string, std::string>>;

class Writer {
 public:
  explicit Writer(char version) : out_{version} {}
  void number(std::uint64_t value) {
    while (value >= 0x80) {
      out_.push_back(static_cast<char>((value & 0x7FU) | 0x80U));
      value >>= 7U;
    }
    out_.push_back(static_cast<char>(value));
  }
  void text(const std::string& value) {
    number(value.size());
    out_.append(value);
  }
  void pairs(const Pairs& pairs) {
    number(pairs.size());
    for (const auto& [name, value] : pairs) {
      text(name);
      text(value);
    }
  }
  std::string take() { return std::move(out_); }

 private:
  std::string out_;
};

class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {
    ok_ = !rest_.empty() && (rest_.front() == kPlain || rest_.front() == kWithReferences);
    if (!ok_) return;
    version_ = rest_.front();
    rest_.remove_prefix(1);
  }

  void number(std::uint64_t& value) {
    value = 0;
    for (unsigned shift = 0; ok_; shift += 7) {
      if (rest_.empty()) break;
      auto octet = static_cast<unsigned char>(rest_.front());
      rest_.remove_prefix(1);
      if (shift == 63 && octet > 1) break;
      value |= static_cast<std::uint64_t>(octet & 0x7FU) << shift;
      if (octet < 0x80) {
        if (octet == 0 && shift > 0) break;  // longer than needed
        return;
      }
    }
    ok_ = false;
    value = 0;
  }
  void text(std::string& value) {
    std::uint64_t size = 0;
    number(size);
    if (size > rest_.size()) ok_ = false;
    if (!ok_) return;
    value.assign(rest_.substr(0, static_cast<std::size_t>(size)));
    rest_.remove_prefix(static_cast<std::size_t>(size));
  }
  void pairs(Pairs& pairs) {
    std::uint64_t count = list_size(2);
    for (; count > 0 && ok_; --count) {
      auto& [name, value] = pairs.emplace_back();
      text(name);
      text(value);
    }
  }
  // A count of things of at least `least` octets each; so that a false count cannot make us allocate.
  std::uint64_t list_size(std::size_t least) {
    std::uint64_t count = 0;
    number(count);
    if (count > rest_.size() / least) ok_ = false;
    return ok_ ? count : 0;
  }
  void fail() { ok_ = false; }
  [[nodiscard]] char version() const { return version_; }
  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] bool complete() const { return ok_ && rest_.empty(); }

 private:
  std::string_view rest_;
  char version_ = kPlain;
  bool ok_ = true;
};

// The fields in their order, the same for both directions.
template <typename Codec, typename PartType>
void transfer_fields(Codec& codec, PartType& part) {
  codec.text(part.type);
  codec.text(part.subtype);
  codec.pairs(part.parameters);
  codec.text(part.id);
  codec.text(part.description);
  codec.text(part.encoding);
  codec.text(part.md5);
  codec.text(part.language);
  codec.text(part.location);
  codec.text(part.disposition);
  codec.pairs(part.disposition_parameters);
  codec.number(part.header_offset);
  codec.number(part.body_offset);
  codec.number(part.body_size);
  codec.number(part.lines);
}

template <typename Codec, typename EnvelopeType>
void transfer_envelope(Codec& codec, EnvelopeType& envelope) {
  for (auto* field : {&envelope.date, &envelope.subject, &envelope.from, &envelope.sender, &envelope.reply_to,
                      &envelope.to, &envelope.cc, &envelope.bcc, &envelope.in_reply_to, &envelope.message_id}) {
    codec.text(*field);
  }
}

void write_part(Writer& writer, const Part& part) {
  transfer_fields(writer, part);
  writer.number(part.envelope ? 1 : 0);
  if (part.envelope) transfer_envelope(writer, *part.envelope);
  writer.number(part.children.size());
  for (const Part& child : part.children) write_part(writer, child);
}

void read_part(Reader& reader, Part& part, std::size_t depth) {
  if (depth > kMaxDepth) reader.fail();
  transfer_fields(reader, part);
  std::uint64_t has_envelope = 0;
  reader.number(has_envelope);
  if (has_envelope > 1) reader.fail();
  if (has_envelope == 1 && reader.ok()) transfer_envelope(reader, part.envelope.emplace());
  std::uint64_t children = reader.list_size(kLeastPart);
  for (; children > 0 && reader.ok(); --children) read_part(reader, part.children.emplace_back(), depth + 1);
}

}  // namespace

std::string encode_structure(const Part& root) {
  bool with_references = root.envelope && !root.envelope->references.empty();
  Writer writer(with_references ? kWithReferences : kPlain);
  write_part(writer, root);
  if (with_references) writer.text(root.envelope->references);
  return writer.take();
}

std::optional<Part> decode_structure(std::string_view bytes) {
  Reader reader(bytes);
  Part root;
  read_part(reader, root, 0);
  if (reader.version() == kWithReferences) {
    if (!root.envelope) return std::nullopt;
    reader.text(root.envelope->references);
    if (root.envelope->references.empty()) return std::nullopt;
  }
  if (!reader.complete()) return std::nullopt;
  return root;
}

}  // namespace mailstead::mail
