#include "connectors/smtp/answer_sheet.h"

#include <utility>

#include "connectors/smtp/verdict.h"

namespace mailstead::smtp {

using delivery::Reply;

AnswerSheet::AnswerSheet(const std::vector<std::string>& recipients) : settled_(recipients.size()) {
  answers_.reserve(recipients.size());
  for (const auto& recipient : recipients) answers_.push_back({recipient, {}, false});
}

std::vector<std::size_t> AnswerSheet::open() const {
  std::vector<std::size_t> indices;
  for (std::size_t i = 0; i < settled_.size(); ++i) {
    if (!settled_[i]) indices.push_back(i);
  }
  return indices;
}

void AnswerSheet::settle(std::size_t index, const Reply& reply) {
  if (settled_[index]) return;
  settled_[index] = true;
  answers_[index].reply = reply;
  answers_[index].answer_lost = false;
}

void AnswerSheet::settle_all_open(const Reply& reply) {
  for (auto index : open()) settle(index, reply);
}

void AnswerSheet::asked_to_commit(const std::vector<std::size_t>& indices) {
  for (auto index : indices) answers_[index].answer_lost = !settled_[index];
}

std::vector<delivery::Answer> AnswerSheet::finish(const std::string& text) && {
  for (auto index : open()) {
    bool lost = answers_[index].answer_lost;
    settle(index, own_reply(Reply::Kind::kTemporary, lost ? "4.4.2" : "",
                            lost ? "the answer to the message was lost, it may have been taken: " + text : text));
    answers_[index].answer_lost = lost;
  }
  return std::move(answers_);
}

}  // namespace mailstead::smtp
