#include "connectors/imap/delivery/target_folder.h"

#include <algorithm>
#include <array>
#include <utility>

#include "connectors/imap/client/folder_choice.h"
#include "connectors/imap/client/list_folders.h"
#include "connectors/imap/delivery/verdict.h"
#include "mail/escape.h"
#include "mail/utf8.h"

namespace mailstead::imap {
namespace {

using delivery::Reply;

constexpr char kOurDelimiter = '/';

// What a folder for a special use is called where none has it; \All, \Flagged and \Important are no folders that one
// makes.
constexpr std::array<std::pair<std::string_view, std::string_view>, 5> kUsualNames{
    {{"\\Archive", "Archive"}, {"\\Drafts", "Drafts"}, {"\\Junk", "Junk"}, {"\\Sent", "Sent"}, {"\\Trash", "Trash"}}};

class DelimiterHandler final : public ResponseHandler {
 public:
  bool untagged(const Response& response) override {
    if (!response.is_data("LIST")) return false;
    // The root's own name is empty, which decode_list() takes for no folder.
    const std::size_t quote = response.rest.find('"');
    if (quote != std::string_view::npos && response.rest.substr(quote + 2, 1) == "\"")
      delimiter = response.rest[quote + 1];
    if (response.rest.substr(quote + 1, 2) == "\\\\") delimiter = '\\';
    return true;
  }
  char delimiter = '\0';
};

bool is_inbox_or_below(std::string_view name, char delimiter) {
  if (name.size() < 5 || !same_word(name.substr(0, 5), "INBOX")) return false;
  return name.size() == 5 || (delimiter != '\0' && name[5] == delimiter);
}

const PersonalNamespace& own_folders(Connection& connection) {
  auto& own = connection.memory.own;
  if (own) return *own;
  if (offers(connection.session, "NAMESPACE")) own = ask_namespace(connection.session);
  if (!own || own->delimiter == '\0') {
    DelimiterHandler handler;
    // QUIRK: several, offlineimap imapserver.py:618: no answer but OK; names are then taken as they stand.
    (void)connection.session.run(CommandText(R"(LIST "" "")"), handler);
    if (!own) own.emplace();
    own->delimiter = handler.delimiter;
  }
  return *own;
}

TargetFolder named(Connection& connection, const std::string& name) {
  TargetFolder target;
  target.name = same_word(name, "INBOX") ? "INBOX" : name_on_server(name, own_folders(connection));
  target.wire = wire_name(target.name, connection.session.utf8_names());
  return target;
}

std::variant<TargetFolder, Reply> with_use(Connection& connection, const std::string& use) {
  if (!connection.listed) connection.listed = list_folders(connection.session, {}, connection.memory);
  for (const Folder& folder : *connection.listed) {
    if (!folder.selectable || !folder.has_use(use)) continue;
    connection.there.insert(folder.wire);
    return TargetFolder{folder.name, folder.wire, use};
  }
  for (const auto& [known, usual] : kUsualNames) {
    if (!same_word(known, use)) continue;
    TargetFolder target = named(connection, std::string(usual));
    target.use = known;
    return target;
  }
  return own_reply(Reply::Kind::kTemporary, "4.2.1",
                   "the server has no folder with the special use " + mail::printable(use, 40));
}

}  // namespace

std::optional<std::string> usable_name(std::string_view name) {
  if (name.size() > kMaxFolderName || mail::valid_utf8_prefix(name) != name.size()) return std::nullopt;
  if (std::any_of(name.begin(), name.end(), [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; }))
    return std::nullopt;
  std::string usable;
  while (!name.empty()) {
    const std::size_t end = std::min(name.find(kOurDelimiter), name.size());
    if (end > 0) usable += (usable.empty() ? "" : "/") + std::string(name.substr(0, end));
    name.remove_prefix(std::min(end + 1, name.size()));
  }
  if (usable.empty()) return std::nullopt;
  return usable;
}

std::string name_on_server(std::string_view name, const PersonalNamespace& own) {
  std::string result(name);
  if (own.delimiter != '\0' && own.delimiter != kOurDelimiter && name.find(kOurDelimiter) != std::string_view::npos) {
    std::replace(result.begin(), result.end(), own.delimiter, '_');
    std::replace(result.begin(), result.end(), kOurDelimiter, own.delimiter);
  }
  if (is_inbox_or_below(result, own.delimiter)) return result.replace(0, 5, "INBOX");
  return result.starts_with(own.prefix) ? result : own.prefix + result;
}

std::variant<TargetFolder, Reply> find_target(Connection& connection, const std::string& name) {
  const auto usable = usable_name(name);
  if (!usable)
    return own_reply(Reply::Kind::kPermanent, "5.1.3",
                     "no folder can be called \"" + mail::printable(name, 200) + "\"");
  if (is_special_use(*usable)) return with_use(connection, *usable);
  return named(connection, *usable);
}

std::optional<Reply> create_target(Connection& connection, const TargetFolder& target) {
  Session& session = connection.session;
  CommandText create("CREATE ");
  create.mailbox(target.wire, session.capabilities(), session.utf8_names());
  if (!target.use.empty() && session.capabilities().has("CREATE-SPECIAL-USE"))
    create.raw(" (USE (" + target.use + "))");
  const Completion end = session.run(create);
  if (!end.ok() && !end.has_code("ALREADYEXISTS"))
    return refused(end, "the folder \"" + mail::printable(target.name, 200) + "\" cannot be made: ");
  CommandText subscribe("SUBSCRIBE ");
  subscribe.mailbox(target.wire, session.capabilities(), session.utf8_names());
  if (end.ok()) session.send_unwatched(subscribe);  // with what comes next; refused, the folder is there all the same
  return std::nullopt;
}

}  // namespace mailstead::imap
