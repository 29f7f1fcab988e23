// "accounts": the remote mailboxes that we pull from.
#include "agent/config/sections.h"

#include "mail/ascii.h"
#include "mail/escape.h"
#include "mail/flags.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace mailstead::agent {
namespace {

using Do = AfterFetch::Do;
using namespace std::chrono_literals;

constexpr std::array<std::pair<std::string_view, Protocol>, 2> kProtocols = {
    {{"imap", Protocol::kImap}, {"pop3", Protocol::kPop3}}};
constexpr std::array<std::pair<std::string_view, Do>, 5> kAfterFetch = {{{"keep", Do::kKeep},
                                                                         {"delete", Do::kDelete},
                                                                         {"seen", Do::kSeen},
                                                                         {"move", Do::kMove},
                                                                         {"keyword", Do::kKeyword}}};
constexpr std::array<std::pair<std::string_view, retrieval::SourceState>, 4> kOnlyIf = {
    {{"seen", retrieval::SourceState::kSeen},
     {"answered", retrieval::SourceState::kAnswered},
     {"flagged", retrieval::SourceState::kFlagged},
     {"unflagged", retrieval::SourceState::kUnflagged}}};
constexpr std::array<std::pair<std::string_view, AfterFetch::OnGmail>, 2> kOnGmail = {
    {{"trash", AfterFetch::OnGmail::kTrash}, {"remove_label", AfterFetch::OnGmail::kRemoveLabel}}};

void read_cleanup_details(Section& section, AfterFetch& made) {
  made.keyword = section.text("keyword").value_or("");
  made.only_if = section.choice("only_if", kOnlyIf).value_or(retrieval::SourceState::kAny);
  made.on_gmail = section.choice("on_gmail", kOnGmail).value_or(AfterFetch::OnGmail::kTrash);
  bool keyword = made.action == Do::kKeyword;
  if (keyword && !section.has("keyword")) section.fault("do", "\"keyword\" needs a \"keyword\" to set");
  if (!keyword && section.has("keyword")) section.fault("keyword", "only \"do\": \"keyword\" takes a keyword");
  if (keyword && section.has("keyword") && !mail::is_keyword(made.keyword))
    section.fault("keyword", "is no IMAP keyword", "take letters, digits, $, _ and -");
  if (made.action != Do::kDelete && section.has("on_gmail"))
    section.fault("on_gmail", "only \"do\": \"delete\" takes it");
}

constexpr std::array<std::pair<std::string_view, retrieval::Compression>, 3> kCompress = {
    {{"auto", retrieval::Compression::kAuto},
     {"always", retrieval::Compression::kAlways},
     {"never", retrieval::Compression::kNever}}};
// RFC 6154 §2, RFC 8457 §3.
constexpr std::array<std::string_view, 8> kSpecialUses = {"\\All",       "\\Archive", "\\Drafts", "\\Flagged",
                                                          "\\Important", "\\Junk",    "\\Sent",   "\\Trash"};

AfterFetch read_after_fetch(Section section, Protocol protocol) {
  AfterFetch made;
  section.require("do", "keep, delete, seen, move or keyword");
  made.action = section.choice("do", kAfterFetch).value_or(Do::kKeep);
  made.folder = section.text("folder").value_or("");
  made.after = section.duration("after", 0s, 3650 * 24h).value_or(0s);
  if (made.action == Do::kMove && !section.has("folder")) section.fault("do", "\"move\" needs a \"folder\" to move to");
  if (made.action != Do::kMove && section.has("folder"))
    section.fault("folder", "only \"do\": \"move\" takes a folder");
  read_cleanup_details(section, made);
  for (std::string_view key : {"after", "only_if"})
    if (made.action == Do::kKeep && section.has(key) && section.has("do"))
      section.fault(key, "\"keep\" does nothing that could wait");
  if (protocol == Protocol::kPop3 && made.action != Do::kKeep && made.action != Do::kDelete)
    section.fault("do", "POP3 knows neither flags nor folders", "take keep or delete");
  for (std::string_view key : {"only_if", "on_gmail"})
    if (protocol == Protocol::kPop3 && section.has(key))
      section.fault(key, "POP3 knows neither flags nor labels", "take it out");
  return made;
}

// What only IMAP has.
void refuse_imap_keys(Section& section) {
  for (std::string_view key :
       {"folders", "exclude_folders", "subscribed", "compress", "idle", "idle_connections", "idle_renewal"})
    if (section.has(key)) section.fault(key, "POP3 has one mailbox and no IDLE", "take it out");
}

bool is_known_use(std::string_view name) {
  return std::any_of(kSpecialUses.begin(), kSpecialUses.end(), [&](std::string_view use) {
    return std::equal(use.begin(), use.end(), name.begin(), name.end(),
                      [](char a, char b) { return mail::lower(a) == mail::lower(b); });
  });
}

std::vector<std::string> read_folder_names(Section& section, std::string_view key) {
  auto names = section.texts(key);
  for (const std::string& name : names) check_special_use(section, key, name);
  return names;
}

void read_folders(Section& section, AccountConfig& account) {
  account.subscribed = section.flag("subscribed").value_or(false);
  if (account.subscribed) account.folders = {"*"};
  if (section.has("folders")) account.folders = read_folder_names(section, "folders");
  account.exclude_folders = read_folder_names(section, "exclude_folders");
  account.compress = section.choice("compress", kCompress).value_or(retrieval::Compression::kAuto);
  read_idle(section, account);
}

}  // namespace

void check_special_use(Section& section, std::string_view key, const std::string& name) {
  if (name.starts_with('\\') && !is_known_use(name))
    section.fault(key, "\"" + mail::printable(name, 64) + "\" is no special use of folders",
                  "\\All, \\Archive, \\Drafts, \\Flagged, \\Important, \\Junk, \\Sent and \\Trash are");
}

AccountConfig read_account(const std::string& name, Section section) {
  AccountConfig account;
  account.name = name;
  section.require("protocol", "imap or pop3");
  account.protocol = section.choice("protocol", kProtocols).value_or(Protocol::kImap);
  bool imap = account.protocol == Protocol::kImap;
  read_endpoint(section, imap ? kImapPorts : kPop3Ports, account.endpoint);
  // Who reaches an IMAP server through a tunnel or a socket may be signed in already (PREAUTH).
  if (!imap || !account.endpoint.is_private_line()) section.require("user");
  read_sign_in(section, account.endpoint, imap ? SignInUse::kImap : SignInUse::kPop3, account.credentials,
               {account.secret_origin, account.secret_file, account.secret_mark});
  if (imap) {
    read_folders(section, account);
  } else {
    refuse_imap_keys(section);
  }
  read_schedule(section, account);
  if (const auto* after = section.find("after_fetch"))
    account.after_fetch = read_after_fetch(
        {*after, section.pointer_to("after_fetch"), "after_fetch", section.reading()}, account.protocol);
  account.skip_larger_than = section.size("skip_larger_than").value_or(account.skip_larger_than);
  account.max_messages_per_poll = section.count("max_messages_per_poll", 1, 1'000'000'000).value_or(0);
  account.commit_every = section.count("commit_every", 1, 1'000'000).value_or(account.commit_every);
  if (imap && section.has("commit_every"))
    section.fault("commit_every", "only POP3 commits its deletions by ending the session", "take it out");
  account.connections = section.count("connections", 1, imap ? 3 : 1).value_or(1);
  if (const auto* envelope = section.find("envelope"))
    account.envelope = read_envelope({*envelope, section.pointer_to("envelope"), "envelope", section.reading()});
  return account;
}

}  // namespace mailstead::agent
