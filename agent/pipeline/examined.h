// A message as the rules see it: scanned, its header parsed, its envelope found.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "agent/config/config.h"
#include "agent/pipeline/rule_services.h"
#include "mail/clock.h"
#include "mail/content.h"
#include "mail/flags.h"
#include "mail/header.h"
#include "mail/scan.h"
#include "router/subject.h"

namespace mailstead::agent {

// Where and when it came.
struct Origin {
  std::string account, folder;  // "" none
  mail::Flags flags;            // there
  mail::WallTime internal_date;
};

// One thread at a time; stays where it is (its subject refers to it).
class Examined {
 public:
  // `account`: whose settings say where envelope recipients stand; nullptr: nobody's.
  Examined(mail::MessageFacts facts, std::shared_ptr<const mail::Content> content, const AccountConfig* account);
  // The same, scanned here.
  Examined(std::shared_ptr<const mail::Content> content, const AccountConfig* account);
  Examined(const Examined&) = delete;
  Examined& operator=(const Examined&) = delete;

  const mail::MessageFacts facts;
  const std::shared_ptr<const mail::Content> content;
  const mail::HeaderBlock header;
  const std::string sender;  // its Return-Path, else the null sender
  const bool multidrop;      // the account says where envelope recipients stand
  const std::vector<std::string> envelope_to;

  // Of views; `origin`, `services` and `memory` outlive it, too.
  [[nodiscard]] router::Subject subject(const Origin& origin, mail::WallTime now, const RuleServices& services,
                                        const router::Memory* memory) const;
  // A field for listings: decoded, printable, bounded. "" where there is none.
  [[nodiscard]] std::string listed(std::string_view name) const;
};

[[nodiscard]] mail::MessageFacts scan(const mail::Content& content);

}  // namespace mailstead::agent
