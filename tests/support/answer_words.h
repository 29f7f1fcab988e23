// What became of a delivery, in the words that transcripts use.
#pragma once

#include <string>

#include <gtest/gtest.h>

#include "connectors/destination.h"
#include "tests/support/transcript.h"

namespace mailstead::testing {

// accepted, temporary, permanent, lost.
inline std::string kind_of(const delivery::Answer& answer) {
  using Kind = delivery::Reply::Kind;
  if (answer.answer_lost) return answer.reply.kind == Kind::kTemporary ? "lost" : "lost but not temporary";
  switch (answer.reply.kind) {
    case Kind::kAccepted: return "accepted";
    case Kind::kTemporary: return "temporary";
    case Kind::kPermanent: return "permanent";
  }
  return "?";
}

// `line`: a glob.
inline void expect_answer(const delivery::Answer& answer, const std::string& kind, const std::string& line) {
  EXPECT_EQ(kind_of(answer), kind) << answer.reply.line();
  EXPECT_TRUE(glob_matches(line, answer.reply.line())) << answer.reply.line();
}

// "KIND SCOPE", a glob; "" for none.
inline void expect_failure(const delivery::Result& result, const std::string& expected) {
  std::string failure;
  if (result.failure)
    failure = std::string(name_of(result.failure->kind())) + " " + std::string(name_of(result.failure->scope()));
  EXPECT_TRUE(glob_matches(expected, failure)) << failure << ": " << (result.failure ? result.failure->text() : "none");
}

}  // namespace mailstead::testing
