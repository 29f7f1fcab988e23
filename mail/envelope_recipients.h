// To whom a message of a multidrop mailbox was really sent, as the host that put it there wrote it down: X-Original-To
// (Postfix), Delivered-To (qmail, Postfix), Envelope-To (Exim), "Received: … for <address>" (RFC 5321 §4.4).
//
// To and Cc are no answer, ever: they are what the sender wrote, and miss blind copies and mailing lists.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "mail/header.h"

namespace mailstead::mail {

inline constexpr std::size_t kMaxEnvelopeRecipients = 1000;  // Postfix smtpd_recipient_limit

struct EnvelopeSource {
  std::vector<std::string> headers;  // looked at in order; the first that gives an address decides
  std::size_t nth = 1;               // which of several fields of one name, counted from the top
  std::string strip_prefix;          // taken off the local part where it stands there (qmail's "mbox-alice-")
  // Where no header gave one: the Received field at this place from the top. 0: none. Only a field that a host of the
  // user's own side wrote can be trusted, and the user alone knows how many those are.
  std::size_t received = 0;
  bool operator==(const EnvelopeSource&) const = default;
};

// In the order of the field, without repeats, at most kMaxEnvelopeRecipients. Each is an envelope address or a bare
// local part (mail/address.h); what is neither is left out. Empty when nothing was found. Linear time.
[[nodiscard]] std::vector<std::string> envelope_recipients(const HeaderBlock& header, const EnvelopeSource& source);

}  // namespace mailstead::mail
