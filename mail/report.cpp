#include "mail/report.h"

#include <algorithm>

#include <fmt/format.h>

#include "mail/address.h"
#include "mail/ascii.h"
#include "mail/composition.h"
#include "mail/date.h"
#include "mail/digest.h"
#include "mail/escape.h"
#include "mail/header.h"
#include "mail/limits.h"
#include "mail/utf8.h"

namespace mailstead::mail {
namespace {

constexpr std::size_t kMaxQuotedHeader = 256 * 1024;

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

// A body part with its header; `type` may have parameters.
std::string body_part(std::string_view type, std::string_view description, std::string_view text) {
  return text_entity(fmt::format("Content-Type: {}\r\nContent-Description: {}\r\n", type, description), text);
}

// What has to be ASCII (RFC 3464 §2.1.2): one line, other characters as \u{…}.
std::string ascii_words(std::string_view remote_words) {
  std::string text = printable(remote_words, kMaxRemoteText);
  std::string out;
  for (std::string_view rest = text; !rest.empty();) {
    auto [code, length] = next_code_point(rest);
    if (code < 0x80) {
      out.push_back(rest.front());
    } else {
      out += fmt::format("\\u{{{:04X}}}", static_cast<std::uint32_t>(code));
    }
    rest.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return out;
}

bool is_status(std::string_view status) {
  std::size_t part = 0;
  std::size_t digits = 0;
  for (char c : status) {
    if (c == '.') {
      if (digits == 0 || ++part > 2) return false;
      digits = 0;
    } else if (!is_digit(c) || ++digits > (part == 0 ? 1U : 3U)) {
      return false;
    }
  }
  return part == 2 && digits > 0 && (status.front() == '4' || status.front() == '5');
}

bool is_delay(const DeliveryReport& report) {
  return report.action == DeliveryReport::Action::kDelayed;
}

// That of a delay begins with 4 (RFC 3464 §2.3.4).
std::string status_of(const DeliveryReport& report, const FailedRecipient& recipient) {
  if (!is_status(recipient.status)) return is_delay(report) ? "4.0.0" : "5.0.0";
  std::string status = recipient.status;
  if (is_delay(report)) status.front() = '4';
  return status;
}

// RFC 3464 §2.3.2; RFC 6533 §3 for an address that is not ASCII.
std::string typed_address(std::string_view address) {
  std::string text = printable(address, kMaxRemoteText);
  if (is_ascii(text)) return "rfc822; " + text;
  std::string out = "utf-8; ";
  for (std::string_view rest = text; !rest.empty();) {
    auto [code, length] = next_code_point(rest);
    if (code >= 0x80) {
      out += fmt::format("\\x{{{:02X}}}", static_cast<std::uint32_t>(code));
    } else {
      out.push_back(rest.front());
    }
    rest.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return out;
}

bool is_smtp_reply(std::string_view text) {
  return text.size() >= 3 && (text[0] == '4' || text[0] == '5') && is_digit(text[1]) && is_digit(text[2]) &&
         (text.size() == 3 || text[3] == ' ' || text[3] == '-');
}

std::string owner(const DeliveryReport& report, const std::string& host) {
  if (is_envelope_address(report.to)) return report.to;
  Address address;
  address.local = ascii_words(report.to).substr(0, 64);
  address.domain = host;
  if (address.local.empty()) address.local = "postmaster";
  return format_address(address);
}

std::string first_words(const DeliveryReport& report) {
  if (!is_delay(report)) {
    return fmt::format(
        "A message could not be delivered to the recipients below by way of the\n"
        "destination \"{}\". No further attempt will be made. The header of the\n"
        "message is attached; the message itself is kept.\n",
        printable(report.destination, 256));
  }
  std::string text = fmt::format(
      "A message has not yet been delivered to the recipients below by way of\n"
      "the destination \"{}\". It is tried again until {}.\n"
      "There is nothing you need to do; the header of the message is attached.\n",
      printable(report.destination, 256), format_date(report.retry_until));
  if (report.others > 0)
    text += fmt::format("\nMessages that wait for the same destination besides it: {}.\n", report.others);
  return text;
}

std::string human_text(const DeliveryReport& report, const std::string& host) {
  std::string text = fmt::format("This is Mailstead on {}.\n\n", host) + first_words(report);
  for (const FailedRecipient& recipient : report.recipients) {
    text += fmt::format("\n  {}\n    status: {}\n", printable(recipient.address, kMaxRemoteText),
                        status_of(report, recipient));
    if (!recipient.remote.empty()) text += fmt::format("    remote: {}\n", printable(recipient.remote, 256));
    if (!recipient.diagnostic.empty())
      text += fmt::format("    answer: {}\n", printable(recipient.diagnostic, kMaxRemoteText));
  }
  return text;
}

std::string delivery_status(const DeliveryReport& report, const std::string& host) {
  std::string text = format_field("Reporting-MTA", "dns; " + host);
  text += format_field("Arrival-Date", format_date(report.arrived));
  for (const FailedRecipient& recipient : report.recipients) {
    text += "\r\n";
    text += format_field("Final-Recipient", typed_address(recipient.address));
    text += is_delay(report) ? "Action: delayed\r\n" : "Action: failed\r\n";
    text += format_field("Status", status_of(report, recipient));
    if (!recipient.remote.empty()) text += format_field("Remote-MTA", "dns; " + ascii_words(recipient.remote));
    if (!recipient.diagnostic.empty()) {
      std::string_view type = is_smtp_reply(recipient.diagnostic) ? "smtp; " : "x-mailstead; ";
      text += format_field("Diagnostic-Code", std::string(type) + ascii_words(recipient.diagnostic));
    }
    text += format_field("Last-Attempt-Date", format_date(report.now));
    if (is_delay(report)) text += format_field("Will-Retry-Until", format_date(report.retry_until));
  }
  return text;
}

// Whole fields, as many as may be quoted.
std::string_view quoted_header(std::string_view header) {
  ParseLimits limits;
  limits.header_bytes = kMaxQuotedHeader;
  HeaderBlock block = HeaderBlock::parse(header, limits);
  return header.substr(0, block.size());
}

// "=_" cannot stand in quoted-printable text; in the plain parts it is looked for.
std::string make_boundary(std::string_view unique_id, const std::vector<std::string>& parts) {
  for (int round = 0;; ++round) {
    std::string boundary = "=_" + to_hex(sha256(fmt::format("{}/{}", unique_id, round))).substr(0, 32);
    bool taken = std::any_of(parts.begin(), parts.end(),
                             [&](const std::string& part) { return part.find(boundary) != std::string::npos; });
    if (!taken) return boundary;
  }
}

}  // namespace

std::string build_report(const DeliveryReport& report) {
  std::string host = clean_host(report.reporting_host);
  HeaderBlock original = HeaderBlock::parse(report.original_header);
  std::vector<std::string> parts{
      body_part("text/plain; charset=utf-8", "Notification", human_text(report, host)),
      body_part("message/delivery-status", "Delivery report", delivery_status(report, host)),
      body_part("text/rfc822-headers", "Undelivered message headers", quoted_header(report.original_header))};
  std::string boundary = make_boundary(report.unique_id, parts);

  std::string out = format_field("Date", format_date(report.now));
  out += format_field("From", "Mailstead <MAILER-DAEMON@" + host + ">");
  out += format_field("To", owner(report, host));
  out += format_field(
      "Subject", (is_delay(report) ? "Delayed mail: " : "Undelivered mail: ") + printable(report.destination, 200));
  out += format_field("Message-ID", fmt::format("<{}@{}>", clean_id(report.unique_id), host));
  if (const HeaderField* id = original.first("Message-ID"); id != nullptr) {
    if (const std::string sound = sound_message_id(id->value); !sound.empty()) out += format_field("References", sound);
  }
  out += "Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n";
  out +=
      fmt::format("Content-Type: multipart/report; report-type=delivery-status;\r\n boundary=\"{}\"\r\n\r\n", boundary);
  out += "This is a report in MIME format.\r\n";
  for (const std::string& part : parts) out += fmt::format("\r\n--{}\r\n{}", boundary, part);
  out += fmt::format("\r\n--{}--\r\n", boundary);
  return out;
}

}  // namespace mailstead::mail
