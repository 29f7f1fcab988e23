// The body of a RETR or TOP reply, read from the store in slices.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "connectors/pop3/codec/dot_encoder.h"
#include "connectors/pop3/server/long_answer.h"
#include "mail/content.h"

namespace mailstead::pop3 {

class MessageAnswer final : public LongAnswer {
 public:
  // `body_lines`: TOP, the header, the blank line and so many lines; nullopt: RETR.
  MessageAnswer(std::shared_ptr<const mail::Content> content, std::optional<std::uint64_t> body_lines);
  [[nodiscard]] bool produce(std::string& output) override;

 private:
  [[nodiscard]] std::size_t top_part(std::string_view slice);

  std::shared_ptr<const mail::Content> content_;
  mail::ByteCount offset_ = 0;
  DotEncoder encoder_;
  std::optional<std::uint64_t> lines_left_;
  bool in_header_ = true;
  bool line_is_empty_ = true;  // so far, CR aside
};

}  // namespace mailstead::pop3
