// A message and what surrounds it, as the rules see them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "router/rule_set.h"

#include <nlohmann/json.hpp>

namespace mailstead::router {

struct Sample {
  std::string text =
      "From: =?utf-8?q?J=C3=BCrgen_M=C3=BCller?= <Juergen.Mueller@Bank.Example>\r\n"
      "To: alice@example.org, \"Bob, the\" <bob@Example.COM>\r\n"
      "Cc: team@lists.example.net\r\n"
      "Subject: =?utf-8?b?R3LDvMOfZSBhdXMgS8O2bG4=?=\r\n"
      "Date: Tue, 05 Mar 2024 10:20:30 +0100\r\n"
      "List-Id: Boost users\r\n <boost-users.lists.boost.org>\r\n"
      "X-Spam-Score: 5.3 / 8.0\r\n"
      "Received: by a\r\n"
      "Received: by b\r\n"
      "\r\n"
      "Hello\r\n";
  std::string account = "work";
  std::string folder = "INBOX";
  mail::Flags flags;
  mail::WallTime internal_date = std::chrono::sys_days(std::chrono::year(2024) / 3 / 5);
  mail::WallTime now = internal_date + std::chrono::hours(48);
  std::string envelope_from;
  std::vector<std::string> envelope_to;
  const Programs* programs = nullptr;
  const SpamFilters* spam_filters = nullptr;
  const Memory* memory = nullptr;

  template <typename Ask>
  auto ask(Ask&& question) const {
    mail::MessageFacts facts = mail::scan_message(text);
    mail::HeaderBlock header = mail::HeaderBlock::parse(facts.header);
    mail::MemoryContent content(text);
    Subject subject{facts,         header, content,       account,     folder, flags,
                    internal_date, now,    envelope_from, envelope_to, false,  programs};
    subject.spam_filters = spam_filters;
    subject.memory = memory;
    return question(subject);
  }
};

inline RuleContext sample_context() {
  RuleContext context;
  context.destinations = {"home", "relay", "archive", "users"};
  context.rewriting["relay"] = [](std::string_view address, mail::WallTime) -> std::optional<std::string> {
    if (!address.starts_with("SRS0=good=")) return std::nullopt;
    return "first@first.example";
  };
  context.accounts = {"work", "old-isp"};
  context.default_destination = "home";
  context.without_folder = {"relay", "users"};
  context.with_user_names = {"users"};
  context.without_recipients = {"home", "archive"};
  context.spam_filters = {"rspamd", "assassin"};
  context.without_action = {"assassin"};
  return context;
}

// Rules that must be without fault.
std::shared_ptr<const RuleSet> compiled(const nlohmann::json& rules, const RuleContext& context = sample_context());
// "POINTER: WHAT (HINT)" of each problem.
std::vector<std::string> problems_of(const nlohmann::json& rules, const RuleContext& context = sample_context());
// Whether one condition holds for a message.
bool holds(const std::string& condition, const Sample& sample = {});

}  // namespace mailstead::router
