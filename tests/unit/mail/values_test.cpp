// The small values of mail/: escaping, flags, units, secrets, digests, transfer encodings, contents.
#include <gtest/gtest.h>

#include <string>

#include "mail/charset.h"
#include "mail/content.h"
#include "mail/digest.h"
#include "mail/escape.h"
#include "mail/failure.h"
#include "mail/flags.h"
#include "mail/secret.h"
#include "mail/transfer_encoding.h"
#include "mail/units.h"

namespace mailstead::mail {
namespace {

TEST(Printable, LeavesNoByteThatActsOnATerminal) {
  for (int c = 0; c < 256; ++c) {
    std::string shown = printable(std::string(1, static_cast<char>(c)));
    if (c >= 0x20 && c < 0x7F) {
      EXPECT_EQ(shown, std::string(1, static_cast<char>(c)));
    } else {
      char expected[8];
      std::snprintf(expected, sizeof expected, "\\x%02X", static_cast<unsigned>(c));
      EXPECT_EQ(shown, expected);
    }
  }
}

TEST(Printable, EscapesWhatHidesOrReorders) {
  EXPECT_EQ(printable("a\xC2\x85"
                      "b"),
            "a\\u{0085}b");
  EXPECT_EQ(printable("\xE2\x80\xAE"), "\\u{202E}");
  EXPECT_EQ(printable("\xE2\x81\xA6\xE2\x81\xA9"), "\\u{2066}\\u{2069}");
  EXPECT_EQ(printable("\xE2\x80\x8E\xD8\x9C"), "\\u{200E}\\u{061C}");
  EXPECT_EQ(printable("\xE2\x80\xA8\xE2\x80\xA9"), "\\u{2028}\\u{2029}");
  EXPECT_EQ(printable("\xEF\xBB\xBF"), "\\u{FEFF}");
  EXPECT_EQ(printable("\xF3\xA0\x81\x81"), "\\u{E0041}");
  EXPECT_EQ(printable("\xED\xA0\x80"), "\\xED\\xA0\\x80");
  EXPECT_EQ(printable("\xC3\xA4 \\ \xF0\x9F\x98\x80"), "\xC3\xA4 \\ \xF0\x9F\x98\x80");
}

TEST(Printable, CutsAtACharacter) {
  EXPECT_EQ(printable("abcdef", 6), "abcdef");
  EXPECT_EQ(printable("abcdefg", 6), "abc\xE2\x80\xA6");
  EXPECT_EQ(printable("ab\xC3\xA4\xC3\xA4", 5), "ab\xE2\x80\xA6");
  EXPECT_EQ(printable("abc", 2), "");
  std::string text;
  for (int i = 0; i < 300; ++i) text += i % 3 == 0 ? "\xC3\xA4" : i % 3 == 1 ? "\x1B" : "\xF0\x9F\x98\x80";
  for (std::size_t limit = 0; limit < 200; ++limit) {
    std::string shown = printable(text, limit);
    EXPECT_LE(shown.size(), limit);
    EXPECT_TRUE(is_valid_utf8(shown));
  }
}

TEST(Flags, KeepsSystemFlagsAndKeywords) {
  Flags flags;
  EXPECT_TRUE(flags.add("\\seen"));
  EXPECT_TRUE(flags.add("$Forwarded"));
  EXPECT_TRUE(flags.add("$forwarded"));
  EXPECT_TRUE(flags.add("Abc"));
  EXPECT_FALSE(flags.add("\\Recent"));
  EXPECT_FALSE(flags.add("\\Other"));
  EXPECT_FALSE(flags.add("a b"));
  EXPECT_FALSE(flags.add(""));
  EXPECT_TRUE(flags.has(kSeen));
  EXPECT_TRUE(flags.has_keyword("ABC"));
  EXPECT_EQ(flags.names(), (std::vector<std::string>{"\\Seen", "$Forwarded", "Abc"}));
  EXPECT_TRUE(flags.remove("\\SEEN"));
  EXPECT_TRUE(flags.remove("abc"));
  EXPECT_TRUE(flags.remove("absent"));
  EXPECT_FALSE(flags.remove("\\Recent"));
  EXPECT_EQ(flags.names(), (std::vector<std::string>{"$Forwarded"}));
  EXPECT_FALSE(is_keyword(std::string(129, 'a')));
  for (char c : std::string_view("(){ %*\"\\]\x7f\x01\xC3")) EXPECT_FALSE(is_keyword(std::string(1, c)));
}

TEST(Units, ReadsDurationsAndSizes) {
  using std::chrono::seconds;
  EXPECT_EQ(parse_duration("90s"), seconds(90));
  EXPECT_EQ(parse_duration("5m"), seconds(300));
  EXPECT_EQ(parse_duration("2h"), seconds(7200));
  EXPECT_EQ(parse_duration("30d"), seconds(2'592'000));
  EXPECT_EQ(parse_duration("2w"), seconds(1'209'600));
  EXPECT_EQ(parse_duration("1h 30m"), seconds(5400));
  for (const char* bad :
       {"", "5", "m", "-5m", "5x", "5m3", "1.5h", "99999999999999999999s", "9223372036854775807w", "5 m"}) {
    EXPECT_FALSE(parse_duration(bad).has_value()) << bad;
  }
  EXPECT_EQ(parse_size("512B"), 512U);
  EXPECT_EQ(parse_size("512KB"), 512_KiB);
  EXPECT_EQ(parse_size("25mb"), 25_MiB);
  EXPECT_EQ(parse_size("1GB"), 1024_MiB);
  EXPECT_EQ(parse_size("1 GiB"), 1024_MiB);
  for (const char* bad : {"", "5", "KB", "-1KB", "5XB", "99999999999999999999B", "9999999999TB", "5KBB"}) {
    EXPECT_FALSE(parse_size(bad).has_value()) << bad;
  }
}

TEST(Units, WritesDurationsAndSizes) {
  using std::chrono::seconds;
  EXPECT_EQ(format_duration(seconds(0)), "0s");
  EXPECT_EQ(format_duration(seconds(42)), "42s");
  EXPECT_EQ(format_duration(seconds(3900)), "1h 5m");
  EXPECT_EQ(format_duration(seconds(3600)), "1h");
  EXPECT_EQ(format_duration(seconds(90061)), "1d 1h");
  EXPECT_EQ(format_duration(seconds(-61)), "-1m 1s");
  EXPECT_EQ(format_size(0), "0 B");
  EXPECT_EQ(format_size(1023), "1023 B");
  EXPECT_EQ(format_size(1536), "1.5 KB");
  EXPECT_EQ(format_size(1_MiB), "1 MB");
  EXPECT_EQ(format_size(1_MiB - 1), "1 MB");
  EXPECT_EQ(format_size(1536_KiB), "1.5 MB");
  EXPECT_EQ(format_size(~ByteCount{0}), "16 EB");
}

TEST(Units, FindsTheNearestWord) {
  const std::vector<std::string> words{"implicit", "starttls", "none"};
  EXPECT_EQ(nearest("startls", words), "starttls");
  EXPECT_EQ(nearest("strattls", words), "starttls");
  EXPECT_EQ(nearest("xyz", words), "");
  EXPECT_EQ(edit_distance("ab", "ba"), 1U);
  EXPECT_EQ(edit_distance("", "abc"), 3U);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3U);
  EXPECT_GT(edit_distance(std::string(10'000, 'a'), "a"), 256U);
}

TEST(Secret, WipesAndMoves) {
  Secret secret(std::string("hunter2"));
  Secret other = std::move(secret);
  EXPECT_TRUE(secret.empty());  // NOLINT(bugprone-use-after-move): that is what is tested
  EXPECT_EQ(other.reveal(), "hunter2");
  EXPECT_EQ(other.copy().reveal(), "hunter2");
  other = Secret(std::string(100, 'x'));
  EXPECT_EQ(other.reveal().size(), 100U);
  other = Secret();
  EXPECT_TRUE(other.empty());
  EXPECT_TRUE(equal_in_constant_time("abc", "abc"));
  EXPECT_FALSE(equal_in_constant_time("abc", "abd"));
  EXPECT_FALSE(equal_in_constant_time("abc", "ab"));
  EXPECT_TRUE(equal_in_constant_time("", ""));
}

TEST(Sha256, IsSha256InAnyPieces) {
  EXPECT_EQ(to_hex(sha256("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(to_hex(sha256("")), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  Sha256Stream stream;
  stream.update("a");
  Sha256Stream moved = std::move(stream);
  moved.update("bc");
  EXPECT_EQ(moved.finish(), sha256("abc"));
}

TEST(Base64, IsStrictForProtocolsAndLenientForMail) {
  const std::pair<const char*, const char*> rows[] = {{"", ""},        {"f", "Zg=="},        {"fo", "Zm8="},
                                                      {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"\xFF\xFE\xFD", "//79"}};
  for (const auto& [bytes, text] : rows) {
    EXPECT_EQ(encode_base64(bytes), text);
    EXPECT_EQ(decode_base64(text), bytes);
    EXPECT_EQ(decode_base64_leniently(text), bytes);
  }
  for (const char* bad :
       {"Z", "Zg", "Zg=", "Zg===", "Z===", "Zh==", "Zm9=", "Zm 9v", "Zm9v\r\n", "Zg==Zg==", "=", "====", "Zm-v"}) {
    EXPECT_FALSE(decode_base64(bad).has_value()) << bad;
  }
  EXPECT_EQ(decode_base64_leniently("Zm\r\n9v Yg"), "foob");
  EXPECT_EQ(decode_base64_leniently("Zg==Zg=="), "ff");
  EXPECT_EQ(decode_base64_leniently("Z!m=9v"), "f\xF6");
}

TEST(QuotedPrintable, IsDecodedAsWellAsCanBe) {
  EXPECT_EQ(decode_quoted_printable("a=3Db=\r\nc"), "a=bc");
  EXPECT_EQ(decode_quoted_printable("a= \t\nb"), "ab");
  EXPECT_EQ(decode_quoted_printable("a  \r\nb \t"), "a\r\nb");
  EXPECT_EQ(decode_quoted_printable("=c3=A4=G1=4"), "\xC3\xA4=G1=4");
  EXPECT_EQ(decode_quoted_printable("a="), "a");
  EXPECT_EQ(decode_quoted_printable(""), "");
}

TEST(TransferEncodingNames, AreReadWithoutRegardToCaseAndComments) {
  EXPECT_EQ(transfer_encoding(" BASE64 (x)"), TransferEncoding::kBase64);
  EXPECT_EQ(transfer_encoding("Quoted-Printable;"), TransferEncoding::kQuotedPrintable);
  EXPECT_EQ(transfer_encoding(""), TransferEncoding::k7Bit);
  EXPECT_EQ(transfer_encoding("\"8bit\""), TransferEncoding::k8Bit);
  EXPECT_EQ(transfer_encoding("x-uuencode"), TransferEncoding::kUnknown);
}

// A content that hands out its bytes in small reads, as a file may.
class SlowContent final : public Content {
 public:
  explicit SlowContent(std::string bytes) : bytes_(std::move(bytes)) {}
  [[nodiscard]] ByteCount size() const override { return bytes_.size(); }
  [[nodiscard]] std::size_t read(ByteCount offset, std::span<char> into) const override {
    if (offset >= bytes_.size()) return 0;
    return bytes_.copy(into.data(), std::min<std::size_t>(into.size(), 3), offset);
  }

 private:
  std::string bytes_;
};

TEST(Content, IsReadInRangesWhereverItLies) {
  const std::string bytes = "0123456789";
  MemoryContent memory(bytes);
  SlowContent slow(bytes);
  JoinedContent joined("0123", std::make_shared<SlowContent>("xx456789"), 2);
  EXPECT_EQ(joined.size(), bytes.size());
  for (const Content* content : std::initializer_list<const Content*>{&memory, &slow, &joined}) {
    for (ByteCount offset = 0; offset <= 12; ++offset) {
      for (ByteCount length = 0; length <= 12; ++length) {
        EXPECT_EQ(read_range(*content, offset, length), offset > bytes.size() ? "" : bytes.substr(offset, length));
      }
    }
  }
  EXPECT_EQ(JoinedContent("ab", std::make_shared<MemoryContent>("x"), 99).size(), 2U);
}

TEST(Failure, SaysKindAndScope) {
  Failure failure(FailureKind::kLimit, FailureScope::kSession, "too long", "detail");
  EXPECT_STREQ(failure.what(), "too long");
  EXPECT_EQ(name_of(failure.kind()), "limit");
  EXPECT_EQ(name_of(failure.scope()), "session");
  EXPECT_EQ(failure.detail(), "detail");
}

}  // namespace
}  // namespace mailstead::mail
