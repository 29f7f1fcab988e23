// What a session's client turned on (ENABLE, RFC 5161), or implied by using it.
#pragma once

#include <string_view>

#include "mail/header.h"

namespace mailstead::imap {

struct Enabled {
  bool condstore = false;  // FETCH responses carry MODSEQ (RFC 7162)
  bool qresync = false;    // VANISHED instead of EXPUNGE; implies the other

  bool utf8 = false;  // mailbox names and strings in UTF-8 (RFC 6855)

  bool rev2 = false;  // IMAP4rev2 (RFC 9051): no \Recent, ESEARCH for SEARCH, LIST in SELECT, names in UTF-8

  [[nodiscard]] bool utf8_names() const noexcept { return utf8 || rev2; }
  // By capability, in any case. The name as it is to be told; "" when it is none that can be turned on, or on already.
  [[nodiscard]] std::string_view turn_on(std::string_view capability) noexcept {
    if (mail::iequals(capability, "CONDSTORE") && !condstore) return condstore = true, "CONDSTORE";
    if (mail::iequals(capability, "QRESYNC") && !qresync) return condstore = qresync = true, "QRESYNC";
    if (mail::iequals(capability, "UTF8=ACCEPT") && !utf8) return utf8 = true, "UTF8=ACCEPT";
    if (mail::iequals(capability, "IMAP4rev2") && !rev2) return rev2 = true, "IMAP4rev2";
    return {};
  }
};

}  // namespace mailstead::imap
