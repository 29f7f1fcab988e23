#include "agent/demo/sample_mail.h"

#include "mail/transfer_encoding.h"

#include <fmt/format.h>

namespace mailstead::agent::demo {

namespace {

constexpr std::size_t kAttachmentBytes = 3 * 1024 * 1024;
constexpr std::size_t kBase64Line = 76;

std::string header(int number, const std::string& from, const std::string& to, const std::string& subject) {
  return fmt::format(
      "Received: from mx{0}.example.net by mail.example.org with ESMTPS; Mon, 02 Nov 2026 09:{0:02}:00 +0100\r\n"
      "From: {1}\r\nTo: {2}\r\nSubject: {3}\r\nDate: Mon, 02 Nov 2026 09:{0:02}:00 +0100\r\n"
      "Message-ID: <demo-{0}@example.net>\r\nMIME-Version: 1.0\r\n",
      number, from, to, subject);
}

std::string plain(const std::string& text) {
  return "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" + text + "\r\n";
}

// Bytes that no compression makes small and no two runs make different.
std::string attachment_base64() {
  std::string bytes(kAttachmentBytes, '\0');
  std::uint32_t state = 20261102;
  for (char& byte : bytes) {
    state = state * 1664525U + 1013904223U;
    byte = static_cast<char>(state >> 24U);
  }
  const std::string text = mail::encode_base64(bytes);
  std::string folded;
  folded.reserve(text.size() + text.size() / kBase64Line * 2 + 2);
  for (std::size_t i = 0; i < text.size(); i += kBase64Line) folded.append(text, i, kBase64Line).append("\r\n");
  return folded;
}

std::string with_attachment() {
  return header(5, "Your Bank <statements@bank.example>", "alice@example.org", "Your statement for October") +
         "Content-Type: multipart/mixed; boundary=\"=_demo\"\r\n\r\n"
         "--=_demo\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\nPlease find your statement attached.\r\n"
         "--=_demo\r\nContent-Type: application/pdf; name=\"statement.pdf\"\r\n"
         "Content-Disposition: attachment; filename=\"statement.pdf\"\r\nContent-Transfer-Encoding: base64\r\n\r\n" +
         attachment_base64() + "--=_demo--\r\n";
}

}  // namespace

std::vector<SampleMessage> sample_mail() {
  const std::string both =
      header(1, "Bob <bob@example.com>", "alice@example.org, alice@old-isp.example", "Lunch on Friday?") +
      plain("The usual place at noon?");
  // The same mail, as the other provider passed it on.
  const std::string both_again =
      "Delivered-To: alice@old-isp.example\r\nX-Old-Isp-Scan: clean\r\n"
      "Received: from relay.example.com by old-isp.example; Mon, 02 Nov 2026 09:01:30 +0100\r\n" +
      both;
  const std::string newsletter =
      header(8, "Weekly News <news@example.com>", "alice@old-isp.example", "This week") + plain("All the news.");
  return {
      {"work", "INBOX", both},
      {"old-isp", "INBOX", both_again},
      {"work", "INBOX", newsletter},
      {"old-isp", "INBOX", newsletter},
      {"work", "INBOX",
       header(2, "=?utf-8?q?J=C3=B6rg_M=C3=BCller?= <joerg@example.de>", "alice@example.org",
              "=?iso-8859-1?q?Gr=FC=DFe_aus_K=F6ln?=") +
           plain("Sch\xC3\xB6ne Gr\xC3\xBC\xC3\x9F"
                 "e!")},
      {"work", "INBOX",
       header(3, "=?utf-8?b?5bGx55Sw?= <yamada@example.jp>", "alice@example.org",
              "=?iso-2022-jp?b?GyRCMnE1RCROJCpDTiRpJDsbKEI=?=") +
           plain("\xE4\xBC\x9A\xE8\xAD\xB0")},
      {"work", "Lists/dev",
       header(4, "Carol <carol@example.net>", "dev@lists.example.org", "[dev] Release candidate 2") +
           "List-Id: Development <dev.lists.example.org>\r\nPrecedence: list\r\n" + plain("Please test.")},
      {"work", "INBOX", with_attachment()},
      {"old-isp", "INBOX",
       header(6, "Winner <winner@spam.example>", "alice@old-isp.example", "You have won") + "X-Spam-Flag: YES\r\n" +
           plain("Click here.")},
      {"old-isp", "INBOX",
       header(7, "Dave <dave@example.com>", "alice@old-isp.example", "Please forward this to the team") +
           plain("Thanks!")},
      {"old-isp", "INBOX", "This message has no header at all, only words.\r\n"},
  };
}

}  // namespace mailstead::agent::demo
