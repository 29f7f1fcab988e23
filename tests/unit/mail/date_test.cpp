#include "mail/date.h"

#include <gtest/gtest.h>

namespace mailstead::mail {
namespace {

std::string describe(std::string_view value) {
  auto date = parse_date(value);
  return date ? format_date(date->utc, date->zone_minutes).substr(5) : "none";
}

struct Row {
  const char* value;
  const char* expected;
};

TEST(MessageDate, IsReadInTheFormsSeenInMail) {
  const Row rows[] = {
      {"Mon, 02 Jan 2006 15:04:05 -0700", "02 Jan 2006 15:04:05 -0700"},
      {" Mon, 2 Jan 2006 15:04:05 +0000 (UTC)", "02 Jan 2006 15:04:05 +0000"},
      {"2 Jan 2006 15:04:05 +0100", "02 Jan 2006 15:04:05 +0100"},
      {"Fri, 2 Jan 2006 15:04:05 +0100", "02 Jan 2006 15:04:05 +0100"},
      {"2 Jan 2006 15:04 +0100", "02 Jan 2006 15:04:00 +0100"},
      {"2 Jan 06 15:04:05 GMT", "02 Jan 2006 15:04:05 +0000"},
      {"2 Jan 99 15:04:05 GMT", "02 Jan 1999 15:04:05 +0000"},
      {"2 Jan 106 15:04:05 GMT", "02 Jan 2006 15:04:05 +0000"},
      {"2 Jan 2006 15:04:05 EST", "02 Jan 2006 15:04:05 -0500"},
      {"2 Jan 2006 15:04:05 PDT", "02 Jan 2006 15:04:05 -0700"},
      {"2 Jan 2006 15:04:05 CEST", "02 Jan 2006 15:04:05 +0200"},
      {"2 Jan 2006 15:04:05 XYZ", "02 Jan 2006 15:04:05 +0000"},
      {"2 Jan 2006 15:04:05 GMT+0200", "02 Jan 2006 15:04:05 +0200"},
      {"2 Jan 2006 15:04:05 +05:30", "02 Jan 2006 15:04:05 +0530"},
      {"2 Jan 2006 15:04:05 -3", "02 Jan 2006 15:04:05 -0300"},
      {"2 Jan 2006 15:04:05 +9999", "02 Jan 2006 15:04:05 +0000"},
      {"2 Jan 2006 15:04:05", "02 Jan 2006 15:04:05 +0000"},
      {"2 January 2006 15:04:05 +0000", "02 Jan 2006 15:04:05 +0000"},
      {"Mon, 02-Jan-2006 15:04:05 +0000", "02 Jan 2006 15:04:05 +0000"},
      {"02.01.2006 15:04:05", "02 Jan 2006 15:04:05 +0000"},
      {"02.Jan.2006 15.04.05 +0100", "02 Jan 2006 15:04:05 +0100"},
      {"1/2/2006 3:04:05 PM", "02 Jan 2006 15:04:05 +0000"},
      {"13/1/2006", "13 Jan 2006 00:00:00 +0000"},
      {"Jan 2, 2006 12:04 AM", "02 Jan 2006 00:04:00 +0000"},
      {"Mon Jan  2 15:04:05 2006", "02 Jan 2006 15:04:05 +0000"},
      {"Mon Jan  2 15:04:05 PST 2006", "02 Jan 2006 15:04:05 -0800"},
      {"Mon Jan  2 15:04:05 +0100 2006", "02 Jan 2006 15:04:05 +0100"},
      {"2006-01-02T15:04:05Z", "02 Jan 2006 15:04:05 +0000"},
      {"2006-01-02 15:04:05.123456+01:00", "02 Jan 2006 15:04:05 +0100"},
      {"2006-01-02", "02 Jan 2006 00:00:00 +0000"},
      {"20060102T150405Z", "02 Jan 2006 15:04:05 +0000"},
      {"Mon(day (x)), 2 (two) Jan 2006\r\n 15 : 04 : 05 +0000", "02 Jan 2006 15:04:05 +0000"},
      {"Mon,2Jan2006 15:04:05+0000", "02 Jan 2006 15:04:05 +0000"},
      {"31 Dec 2016 23:59:60 +0000", "01 Jan 2017 00:00:00 +0000"},
      {"31 Dec 2016 24:00:00 +0000", "01 Jan 2017 00:00:00 +0000"},
      {"29 Feb 2024 00:00:00 +0000", "29 Feb 2024 00:00:00 +0000"},
      {"19 Jan 2038 03:14:08 +0000", "19 Jan 2038 03:14:08 +0000"},
      {"", "none"},
      {"rubbish", "none"},
      {"29 Feb 2023 00:00:00 +0000", "none"},
      {"32 Jan 2006 15:04:05", "none"},
      {"2 Jan 2006 25:04:05", "none"},
      {"2 Jan 2006 15:61:05", "none"},
      {"2 Jan 1066 15:04:05", "none"},
      {"99999999999999999999 Jan 2006", "none"},
      {"15:04:05", "none"},
      {"2 Jan 2006 20060151:00:00", "none"},
      {"257/258/2006", "none"},
  };
  for (const Row& row : rows) EXPECT_EQ(describe(row.value), row.expected) << row.value;
}

TEST(MessageDate, IsWrittenAsRfc5322) {
  using namespace std::chrono;
  WallTime time = sys_days(2006y / January / 2) + 15h + 4min + 5s;
  EXPECT_EQ(format_date(time), "Mon, 02 Jan 2006 15:04:05 +0000");
  EXPECT_EQ(format_date(time, -210), "Mon, 02 Jan 2006 11:34:05 -0330");
  EXPECT_EQ(format_date(time, 600), "Tue, 03 Jan 2006 01:04:05 +1000");
  EXPECT_EQ(format_date(WallTime{}), "Thu, 01 Jan 1970 00:00:00 +0000");
  EXPECT_EQ(parse_date(format_date(time, 600)), (MessageDate{time, 600}));
}

}  // namespace
}  // namespace mailstead::mail
