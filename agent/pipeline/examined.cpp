#include "agent/pipeline/examined.h"

#include "agent/pipeline/list_files.h"
#include "mail/address.h"
#include "mail/escape.h"

#include <utility>

namespace mailstead::agent {

namespace {

// Bounds of what is kept of a header for listings; the message itself is kept whole.
constexpr std::size_t kMaxListed = 500;

std::string return_path(const mail::HeaderBlock& header) {
  const auto* field = header.first("Return-Path");
  if (field == nullptr) return {};
  for (const auto& address : mail::parse_addresses(field->value)) {
    std::string text = address.addr_spec();
    if (mail::is_envelope_address(text)) return text;
  }
  return {};
}

}  // namespace

Examined::Examined(mail::MessageFacts facts_in, std::shared_ptr<const mail::Content> content_in,
                   const AccountConfig* account)
    : facts(std::move(facts_in)),
      content(std::move(content_in)),
      header(mail::HeaderBlock::parse(facts.header)),
      sender(return_path(header)),
      multidrop(account != nullptr && account->envelope.has_value()),
      envelope_to(multidrop ? mail::envelope_recipients(header, *account->envelope) : std::vector<std::string>{}) {}

Examined::Examined(std::shared_ptr<const mail::Content> content_in, const AccountConfig* account)
    : Examined(scan(*content_in), content_in, account) {}

router::Subject Examined::subject(const Origin& origin, mail::WallTime now, const RuleServices& services,
                                  const router::Memory* memory) const {
  router::Subject made{facts, header, *content,    origin.account, origin.folder, origin.flags, origin.internal_date,
                       now,   sender, envelope_to, multidrop};
  made.programs = &services.programs;
  made.lists = &list_files();
  made.spam_filters = &services.spam_filters;
  made.memory = memory;
  return made;
}

std::string Examined::listed(std::string_view name) const {
  const auto* field = header.first(name);
  return field == nullptr ? std::string() : mail::printable(mail::decoded_value(*field), kMaxListed);
}

mail::MessageFacts scan(const mail::Content& content) {
  mail::MessageScanner scanner;
  mail::for_each_chunk(content, 0, content.size(), [&](std::string_view chunk) { scanner.feed(chunk); });
  return scanner.finish();
}

}  // namespace mailstead::agent
