// The lines of a LIST or UIDL reply, in slices.
#pragma once

#include <functional>
#include <string>

#include "connectors/pop3/server/long_answer.h"
#include "connectors/pop3/server/served_maildrop.h"

namespace mailstead::pop3 {

class ListingAnswer final : public LongAnswer {
 public:
  using Format = std::function<void(std::uint32_t number, const storage::Entry&, std::string& output)>;
  // `maildrop` must outlive it. `format` appends one line with its CRLF.
  ListingAnswer(const ServedMaildrop& maildrop, Format format) : maildrop_(maildrop), format_(std::move(format)) {}
  [[nodiscard]] bool produce(std::string& output) override;

 private:
  const ServedMaildrop& maildrop_;
  const Format format_;
  std::uint32_t next_ = 1;
};

}  // namespace mailstead::pop3
