// What the rules see of a message. Views only: the pipeline owns everything and it outlives the decision.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "mail/clock.h"
#include "mail/content.h"
#include "mail/flags.h"
#include "mail/header.h"
#include "mail/scan.h"
#include "router/lists.h"
#include "router/memory.h"
#include "router/programs.h"
#include "router/spam_filters.h"

namespace mailstead::router {

struct Subject {
  const mail::MessageFacts& facts;  // header, structure, size, message_id
  const mail::HeaderBlock& header;  // parsed over facts.header
  const mail::Content& content;
  std::string_view account;  // "" when there is none (route FILE)
  std::string_view folder;
  const mail::Flags& flags;  // on the source
  mail::WallTime internal_date;
  mail::WallTime now;
  std::string_view envelope_from;  // "" unknown
  const std::vector<std::string>& envelope_to;
  // The account says where envelope recipients are found: where none was found there, none is known.
  bool envelope_sought = false;
  // Runs the programs of rules; without it their tests and filters fail, which is noted.
  const Programs* programs = nullptr;
  // Reads the files of addresses that rules name; without it they cannot be looked into, which is noted.
  const Lists* lists = nullptr;
  // Asks spam filters; without it there is no answer, which is noted.
  const SpamFilters* spam_filters = nullptr;
  // What is remembered of earlier messages; without it there is no answer, which is noted.
  const Memory* memory = nullptr;
};

}  // namespace mailstead::router
