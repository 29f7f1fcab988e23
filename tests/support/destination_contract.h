// What every destination promises (connectors/destination.h), as one suite over all of them.
//
// A subject makes a destination and tells what has arrived there:
//   struct Subject {
//     const delivery::Destination& destination();
//     std::vector<std::string> recipients();            // to deliver to; empty where there are none
//     std::vector<std::string> arrived();               // the messages, with CRLF line ends, in any order
//     void break_it();                                  // from now on nothing can be delivered
//   };
#pragma once

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "connectors/destination.h"
#include "mail/content.h"
#include "mail/failure.h"

namespace mailstead::testing {

// Content whose storage breaks at an offset.
class BrokenContent final : public mail::Content {
 public:
  BrokenContent(mail::ByteCount size, mail::ByteCount breaks_at) : size_(size), breaks_at_(breaks_at) {}
  mail::ByteCount size() const override { return size_; }
  std::size_t read(mail::ByteCount offset, std::span<char> into) const override {
    if (offset + into.size() > breaks_at_) {
      throw mail::Failure(mail::FailureKind::kStorage, mail::FailureScope::kMessage, "the disk says no");
    }
    std::fill(into.begin(), into.end(), 'x');
    return into.size();
  }

 private:
  mail::ByteCount size_, breaks_at_;
};

inline delivery::Outgoing outgoing(std::string text, std::vector<std::string> recipients, storage::DeliveryId id = 1) {
  delivery::Outgoing message;
  message.id = id;
  message.content = std::make_shared<mail::MemoryContent>(std::move(text));
  message.sender = "sender@example.org";
  message.recipients = std::move(recipients);
  message.internal_date = mail::WallTime(std::chrono::seconds(1'700'000'000));
  message.message_id = "<" + std::to_string(id) + "@example.org>";
  return message;
}

template <typename Subject>
class DestinationContract : public ::testing::Test {
 protected:
  delivery::Outgoing message(std::string text, storage::DeliveryId id = 1) {
    return outgoing(std::move(text), subject_.recipients(), id);
  }
  void expect_one_answer_each(const delivery::Outgoing& sent, const delivery::Result& result) {
    auto wanted = sent.recipients.empty() ? std::vector<std::string>{""} : sent.recipients;
    ASSERT_EQ(result.answers.size(), wanted.size());
    for (std::size_t i = 0; i < wanted.size(); ++i) EXPECT_EQ(result.answers[i].recipient, wanted[i]);
  }
  static bool all_are(const delivery::Result& result, delivery::Reply::Kind kind) {
    return std::all_of(result.answers.begin(), result.answers.end(),
                       [kind](const delivery::Answer& answer) { return answer.reply.kind == kind; });
  }

  Subject subject_;
};

TYPED_TEST_SUITE_P(DestinationContract);

TYPED_TEST_P(DestinationContract, DeliversAndAnswersForEach) {
  auto transport = this->subject_.destination().open();
  auto message = this->message("Subject: one\r\n\r\nHello\r\n.dot\r\n");
  auto result = transport->deliver(message, {});
  this->expect_one_answer_each(message, result);
  EXPECT_FALSE(result.failure);
  EXPECT_TRUE(this->all_are(result, delivery::Reply::Kind::kAccepted));
  EXPECT_FALSE(result.answer_lost());
  EXPECT_EQ(this->subject_.arrived(), std::vector<std::string>{"Subject: one\r\n\r\nHello\r\n.dot\r\n"});
}

TYPED_TEST_P(DestinationContract, DeliversSeveralOverOneTransportAndAfterClose) {
  auto transport = this->subject_.destination().open();
  for (int i = 1; i <= 5; ++i) {
    if (i == 4) transport->close();
    auto result = transport->deliver(this->message("Subject: " + std::to_string(i) + "\r\n\r\n", i), {});
    EXPECT_TRUE(this->all_are(result, delivery::Reply::Kind::kAccepted)) << i;
  }
  EXPECT_EQ(this->subject_.arrived().size(), 5U);
  transport->close();
  transport->close();
}

TYPED_TEST_P(DestinationContract, DeliversMoreThanABuffer) {
  std::string text = "Subject: big\r\n\r\n";
  for (int i = 0; i < 20'000; ++i) text += "line " + std::to_string(i) + " of a message\r\n";
  auto result = this->subject_.destination().open()->deliver(this->message(text), {});
  EXPECT_TRUE(this->all_are(result, delivery::Reply::Kind::kAccepted));
  EXPECT_EQ(this->subject_.arrived(), std::vector<std::string>{text});
}

TYPED_TEST_P(DestinationContract, AsksBeforeTheCommitOnceAndLeavesNothingWhenRefused) {
  auto transport = this->subject_.destination().open();
  auto message = this->message("Subject: held\r\n\r\n");
  int asked = 0;
  delivery::Context refusing;
  refusing.before_commit = [&] {
    ++asked;
    EXPECT_TRUE(this->subject_.arrived().empty());
    throw mail::Failure(mail::FailureKind::kStorage, mail::FailureScope::kProcess, "not now");
  };
  auto result = transport->deliver(message, refusing);
  EXPECT_EQ(asked, 1);
  ASSERT_TRUE(result.failure);
  EXPECT_EQ(result.failure->kind(), mail::FailureKind::kStorage);
  this->expect_one_answer_each(message, result);
  EXPECT_TRUE(this->all_are(result, delivery::Reply::Kind::kTemporary));
  EXPECT_FALSE(result.answer_lost());
  EXPECT_TRUE(this->subject_.arrived().empty());

  delivery::Context allowing;
  allowing.before_commit = [&] { ++asked; };
  EXPECT_TRUE(this->all_are(transport->deliver(message, allowing), delivery::Reply::Kind::kAccepted));
  EXPECT_EQ(asked, 2);
}

TYPED_TEST_P(DestinationContract, AbortsWhenTheContentCannotBeRead) {
  auto transport = this->subject_.destination().open();
  auto message = this->message("");
  message.content = std::make_shared<BrokenContent>(300'000, 200'000);
  message.has_8bit = false;
  auto result = transport->deliver(message, {});
  ASSERT_TRUE(result.failure);
  EXPECT_EQ(result.failure->kind(), mail::FailureKind::kStorage);
  EXPECT_EQ(result.failure->scope(), mail::FailureScope::kMessage);
  EXPECT_TRUE(this->all_are(result, delivery::Reply::Kind::kTemporary));
  EXPECT_FALSE(result.answer_lost());
  EXPECT_TRUE(this->subject_.arrived().empty());
  EXPECT_TRUE(this->all_are(transport->deliver(this->message("Subject: next\r\n\r\n", 2), {}),
                            delivery::Reply::Kind::kAccepted));
}

TYPED_TEST_P(DestinationContract, EndsOnAStopRequest) {
  std::stop_source source;
  source.request_stop();
  auto result = this->subject_.destination().open()->deliver(this->message("x\r\n"), {source.get_token(), {}});
  ASSERT_TRUE(result.failure);
  EXPECT_EQ(result.failure->kind(), mail::FailureKind::kCancelled);
  EXPECT_TRUE(this->all_are(result, delivery::Reply::Kind::kTemporary));
  EXPECT_TRUE(this->subject_.arrived().empty());
}

TYPED_TEST_P(DestinationContract, SaysWhatBrokeAndNeverThrows) {
  this->subject_.break_it();
  auto message = this->message("x\r\n");
  delivery::Result result;
  EXPECT_NO_THROW(result = this->subject_.destination().open()->deliver(message, {}));
  ASSERT_TRUE(result.failure);
  EXPECT_FALSE(result.failure->text().empty());
  this->expect_one_answer_each(message, result);
  EXPECT_TRUE(this->all_are(result, delivery::Reply::Kind::kTemporary));
  EXPECT_THROW(static_cast<void>(this->subject_.destination().probe({})), mail::Failure);
}

TYPED_TEST_P(DestinationContract, ProbesWithoutDelivering) {
  EXPECT_FALSE(this->subject_.destination().probe({}).lines.empty());
  EXPECT_TRUE(this->subject_.arrived().empty());
}

REGISTER_TYPED_TEST_SUITE_P(DestinationContract, DeliversAndAnswersForEach,
                            DeliversSeveralOverOneTransportAndAfterClose, DeliversMoreThanABuffer,
                            AsksBeforeTheCommitOnceAndLeavesNothingWhenRefused, AbortsWhenTheContentCannotBeRead,
                            EndsOnAStopRequest, SaysWhatBrokeAndNeverThrows, ProbesWithoutDelivering);

}  // namespace mailstead::testing
