#include "mail/transfer_decoder.h"

#include <gtest/gtest.h>

#include <random>

namespace mailstead::mail {
namespace {

std::string in_pieces(std::string_view text, TransferEncoding encoding, std::size_t piece) {
  TransferDecoder decoder(encoding);
  std::string out;
  for (std::size_t at = 0; at < text.size(); at += piece) out += decoder.feed(text.substr(at, piece));
  return out + decoder.finish();
}

TEST(TransferDecoder, GivesTheSameInPiecesOfAnySize) {
  const std::string texts[] = {"",
                               "YQ==",
                               "YWI=YWJj",
                               "YWJj\r\nZGVm\r\n",
                               "Y!W J\r\nj=Z",
                               "====",
                               "YQ",
                               "Y",
                               "YWJjZA==\r\nYWJj",
                               "a=3Db=20\r\nc  \r\nsoft=\r\nline= \r\n=ZZ=4",
                               "=",
                               "a=\r",
                               "plain \t\r\nbare\nend ",
                               "=41=4",
                               "x=\n=\ny"};
  for (const std::string& text : texts) {
    for (TransferEncoding encoding :
         {TransferEncoding::kBase64, TransferEncoding::kQuotedPrintable, TransferEncoding::k8Bit}) {
      for (std::size_t piece : {1, 2, 3, 5, 100})
        EXPECT_EQ(in_pieces(text, encoding, piece), decode(text, encoding)) << text << " by " << piece;
    }
  }
}

TEST(TransferDecoder, GivesTheSameForRandomText) {
  std::mt19937 random(7);
  const std::string_view letters = "aZ09+/=== \t\r\n=4";
  for (int round = 0; round < 2000; ++round) {
    std::string text;
    for (unsigned i = random() % 60; i > 0; --i) text += letters[random() % letters.size()];
    for (TransferEncoding encoding : {TransferEncoding::kBase64, TransferEncoding::kQuotedPrintable})
      ASSERT_EQ(in_pieces(text, encoding, 1 + random() % 7), decode(text, encoding)) << text;
  }
}

TEST(TransferDecoder, HoldsLittleOfALineWithoutEnd) {
  std::string text;
  while (text.size() < 1'000'000) text += "=41b =C3=A9";
  TransferDecoder decoder(TransferEncoding::kQuotedPrintable);
  std::string out;
  std::size_t fed = 0, behind = 0;
  for (std::size_t at = 0; at < text.size(); at += 10'000) {
    std::string_view piece = std::string_view(text).substr(at, 10'000);
    fed += piece.size();
    out += decoder.feed(piece);
    behind = std::max(behind, fed - out.size() * 11 / 5);
  }
  EXPECT_EQ(out + decoder.finish(), decode(text, TransferEncoding::kQuotedPrintable));
  EXPECT_LT(behind, 140'000U);
}

}  // namespace
}  // namespace mailstead::mail
