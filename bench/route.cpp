// How long the rules take: 1,000 rules on headers over 10,000 messages, as one decision for each message.
//
//     bench_route [--rules N] [--messages N] [--rounds N] [--fdm FILE] [--sieve FILE] [--mbox FILE]
//
// Nearly nothing matches, so that every rule is looked at for every message. Scanning a message and parsing its header
// are timed apart: a message is scanned once, however many rules there are. --fdm and --sieve write the same rules for
// fdm and for Sieve, --mbox the same messages.
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "mail/content.h"
#include "mail/scan.h"
#include "router/rule_set.h"

namespace {

using namespace mailstead;
using Clock = std::chrono::steady_clock;

struct Options {
  std::size_t rules = 1000, messages = 10'000, rounds = 5;
  std::string fdm, sieve, mbox;
};

std::string word(std::size_t number) {
  return fmt::format("{}{}", number % 2 == 0 ? "offer" : "report", number * 7919 % 100'003);
}

// A third each on the subject, the sender, and the mailing list.
nlohmann::json rules_of(std::size_t count) {
  nlohmann::json rules = nlohmann::json::array();
  for (std::size_t i = 0; i < count; ++i) {
    nlohmann::json test;
    if (i % 3 == 0) test = {{"header", "Subject"}, {"contains", word(i)}};
    if (i % 3 == 1) test = {{"address", "from"}, {"domain", fmt::format("{}.example", word(i))}};
    if (i % 3 == 2) test = {{"header", "List-Id"}, {"contains", fmt::format("{}.lists.example.org", word(i))}};
    rules.push_back(
        {{"name", fmt::format("rule {}", i)}, {"if", test}, {"then", {{{"deliver", "home"}, {"folder", word(i)}}}}});
  }
  return rules;
}

void write_fdm(const std::string& path, const Options& options) {
  std::ofstream out(path);
  out << "set no-received\nset no-create\naction \"file\" drop\naccount \"box\" disabled mbox \"" << options.mbox
      << "\"\n";
  for (std::size_t i = 0; i < options.rules; ++i) {
    if (i % 3 == 0) out << fmt::format("match \"^Subject:.*{}\" in headers action \"file\"\n", word(i));
    if (i % 3 == 1) out << fmt::format("match \"^From:.*@{}\\\\.example\" in headers action \"file\"\n", word(i));
    if (i % 3 == 2)
      out << fmt::format("match \"^List-Id:.*{}\\\\.lists\\\\.example\\\\.org\" in headers action \"file\"\n", word(i));
  }
  out << "match all action \"file\"\n";
}

void write_sieve(const std::string& path, const Options& options) {
  std::ofstream out(path);
  out << "require \"fileinto\";\n";
  for (std::size_t i = 0; i < options.rules; ++i) {
    std::string test = fmt::format("header :contains \"Subject\" \"{}\"", word(i));
    if (i % 3 == 1) test = fmt::format("address :domain \"From\" \"{}.example\"", word(i));
    if (i % 3 == 2) test = fmt::format("header :contains \"List-Id\" \"{}.lists.example.org\"", word(i));
    out << fmt::format("if {} {{ fileinto \"{}\"; stop; }}\n", test, word(i));
  }
}

std::string message(std::size_t number, std::mt19937& random) {
  std::string text = fmt::format(
      "Return-Path: <sender{0}@example.net>\r\nReceived: from mx{1}.example.net by mail.example.org with "
      "ESMTPS;\r\n\tMon, "
      "02 Nov 2026 10:00:00 +0000\r\nFrom: Sender {0} <sender{0}@host{1}.example.net>\r\nTo: "
      "alice@example.org\r\nSubject: "
      "Message {2} about the meeting of tomorrow\r\nDate: Mon, 02 Nov 2026 10:00:00 +0000\r\nMessage-ID: "
      "<{2}@example.net>\r\nList-Id: People who talk <talk{1}.lists.example.net>\r\nMIME-Version: 1.0\r\nContent-Type: "
      "text/plain\r\n\r\n",
      number % 997, number % 7, number);
  const std::size_t lines = 20 + random() % 200;
  for (std::size_t i = 0; i < lines; ++i) text += fmt::format("line {} of a message that says nothing much\r\n", i);
  return text;
}

double seconds_since(Clock::time_point begun) {
  return std::chrono::duration<double>(Clock::now() - begun).count();
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

Options read(int argc, char** argv) {
  Options options;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string name = argv[i], value = argv[i + 1];
    if (name == "--rules") options.rules = std::stoul(value);
    if (name == "--messages") options.messages = std::stoul(value);
    if (name == "--rounds") options.rounds = std::stoul(value);
    if (name == "--fdm") options.fdm = value;
    if (name == "--sieve") options.sieve = value;
    if (name == "--mbox") options.mbox = value;
  }
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = read(argc, argv);
  router::RuleContext context;
  context.destinations = {"home"};
  context.default_destination = "home";
  std::vector<router::Problem> problems;
  auto begun = Clock::now();
  const auto rules = router::RuleSet::compile(rules_of(options.rules), context, problems);
  const double compiling = seconds_since(begun);
  for (const auto& problem : problems) fmt::print(stderr, "{}: {}\n", problem.pointer, problem.what);
  if (!problems.empty()) return 1;

  std::mt19937 random(77);
  std::vector<std::string> messages;
  for (std::size_t i = 0; i < options.messages; ++i) messages.push_back(message(i, random));
  if (!options.mbox.empty()) {
    std::ofstream out(options.mbox, std::ios::binary);
    for (std::string text : messages) {
      std::erase(text, '\r');
      out << "From sender@example.net Mon Nov  2 10:00:00 2026\n" << text << '\n';
    }
  }
  if (!options.fdm.empty()) write_fdm(options.fdm, options);
  if (!options.sieve.empty()) write_sieve(options.sieve, options);

  std::vector<double> scanning, deciding;
  std::size_t delivered = 0;
  const mail::Flags flags;
  const std::vector<std::string> nobody;
  const mail::WallTime now{std::chrono::seconds(1'800'000'000)};
  for (std::size_t round = 0; round < options.rounds; ++round) {
    double scan = 0, decide = 0;
    for (const std::string& text : messages) {
      begun = Clock::now();
      const auto facts = mail::scan_message(text);
      const auto header = mail::HeaderBlock::parse(facts.header);
      scan += seconds_since(begun);
      const mail::MemoryContent content(text);
      begun = Clock::now();
      const auto decision =
          rules->decide({facts, header, content, "work", "INBOX", flags, now, now, "sender@example.net", nobody});
      decide += seconds_since(begun);
      delivered += decision.deliveries.size();
    }
    scanning.push_back(scan);
    deciding.push_back(decide);
  }
  const double count = static_cast<double>(options.messages);
  fmt::print(
      "{{\"rules\": {}, \"messages\": {}, \"compile_ms\": {:.1f}, \"scan_us\": {:.2f}, \"decide_us\": {:.2f}, "
      "\"delivered\": {}}}\n",
      options.rules, options.messages, compiling * 1e3, median(scanning) / count * 1e6, median(deciding) / count * 1e6,
      delivered / options.rounds);
  return 0;
}
