// The answers of one delivery while they come in: which recipients are settled, which are still open.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "connectors/destination.h"

namespace mailstead::smtp {

class AnswerSheet {
 public:
  explicit AnswerSheet(const std::vector<std::string>& recipients);

  [[nodiscard]] const std::string& recipient(std::size_t index) const { return answers_[index].recipient; }
  // Indices of those without an answer, in order.
  [[nodiscard]] std::vector<std::size_t> open() const;
  // The first answer stays: a recipient that was refused is not accepted later.
  void settle(std::size_t index, const delivery::Reply& reply);
  void settle_all_open(const delivery::Reply& reply);
  // From now on the destination may have the message for these; settling one ends that.
  void asked_to_commit(const std::vector<std::size_t>& indices);
  // What is open becomes temporary, in `text`'s words.
  [[nodiscard]] std::vector<delivery::Answer> finish(const std::string& text) &&;

 private:
  std::vector<delivery::Answer> answers_;
  std::vector<bool> settled_;
};

}  // namespace mailstead::smtp
