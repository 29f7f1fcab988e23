#include "connectors/imap/server/commands/commands.h"

#include <algorithm>
#include <set>

#include "connectors/imap/codec/mailbox_name.h"
#include "connectors/imap/server/arguments.h"
#include "connectors/imap/server/status_items.h"

namespace mailstead::imap::commands {
namespace {

constexpr std::size_t kMaxPatterns = 100;
constexpr char kDelimiter = storage::kHierarchyDelimiter;

// LIST (RFC 3501 §6.3.8) with the options of LIST-EXTENDED (RFC 5258), LIST-STATUS (5819) and SPECIAL-USE (6154).
struct ListRequest {
  bool extended = false;
  bool select_subscribed = false, select_special = false, recursive = false;
  bool return_subscribed = false;
  std::vector<StatusItem> status;
  std::vector<std::string> patterns;  // reference and pattern joined
  bool probe = false;                 // LIST "" "": what is the delimiter?
};

void read_selection(Cursor& cursor, ListRequest& request) {
  request.extended = true;
  cursor.expect_list([&] {
    std::string option = read_item_name(cursor);
    if (option == "SUBSCRIBED") {
      request.select_subscribed = true;
    } else if (option == "SPECIAL-USE") {
      request.select_special = true;
    } else if (option == "RECURSIVEMATCH") {
      request.recursive = true;
    } else if (option != "REMOTE") {  // there are no remote mailboxes: nothing to add
      reject("unknown selection option of LIST");
    }
  });
  if (request.recursive && !request.select_subscribed && !request.select_special)
    reject("RECURSIVEMATCH needs another selection option");
}

void read_returns(Cursor& cursor, ListRequest& request) {
  request.extended = true;
  if (!cursor.try_word("RETURN")) reject("expected RETURN");
  cursor.expect_space();
  cursor.expect_list([&] {
    std::string option = read_item_name(cursor);
    if (option == "SUBSCRIBED") {
      request.return_subscribed = true;
    } else if (option == "STATUS") {
      cursor.expect_space();
      request.status = read_status_items(cursor);
    } else if (option != "CHILDREN" && option != "SPECIAL-USE") {  // these are said in any case
      reject("unknown return option of LIST");
    }
  });
}

ListRequest read_request(Cursor& cursor, const Enabled& enabled) {
  ListRequest request;
  cursor.expect_space();
  if (cursor.peek() == '(') {
    read_selection(cursor, request);
    cursor.expect_space();
  }
  std::string reference = read_mailbox(cursor, enabled);
  cursor.expect_space();
  if (cursor.peek() == '(') {
    request.extended = true;
    cursor.expect_list([&] {
      if (request.patterns.size() >= kMaxPatterns) reject("too many patterns");
      request.patterns.push_back(join_pattern(reference, read_list_pattern(cursor, enabled)));
    });
  } else {
    std::string pattern = read_list_pattern(cursor, enabled);
    request.probe = pattern.empty();
    request.patterns.push_back(join_pattern(reference, pattern));
  }
  if (cursor.try_char(' ')) read_returns(cursor, request);
  cursor.expect_end();
  request.probe = request.probe && !request.extended;
  return request;
}

class Listing {
 public:
  Listing(const Conversation& session, const ListRequest& request, std::string& out)
      : session_(session), request_(request), out_(out), mailboxes_(session.mail().mailboxes(session.user)) {
    for (const auto& mailbox : mailboxes_) names_.insert(mailbox.name);
    bool wanted = request.select_subscribed || request.return_subscribed;
    if (!wanted) return;
    for (std::string& name : session.mail().subscriptions(session.user)) subscribed_.insert(std::move(name));
  }

  void write() {
    collect_parents();
    for (const auto& mailbox : mailboxes_) consider(mailbox.name, &mailbox);
    // Subscriptions outlive their mailboxes, and so may their parents.
    std::set<std::string> absent;
    if (request_.select_subscribed) absent.insert(subscribed_.begin(), subscribed_.end());
    absent.insert(parents_.begin(), parents_.end());
    for (const std::string& name : absent) {
      if (!names_.contains(name)) consider(name, nullptr);
    }
  }

 private:
  [[nodiscard]] bool chosen(const std::string& name, const storage::Mailbox* mailbox) const {
    if (request_.select_subscribed && !subscribed_.contains(name)) return false;
    if (request_.select_special && (mailbox == nullptr || mailbox->special_use.empty())) return false;
    return mailbox != nullptr || request_.select_subscribed;
  }
  [[nodiscard]] bool matches(const std::string& name) const {
    return std::any_of(request_.patterns.begin(), request_.patterns.end(),
                       [&](const std::string& pattern) { return matches_list_pattern(name, pattern, kDelimiter); });
  }
  [[nodiscard]] bool has_children(const std::string& name) const {
    std::string below = name + kDelimiter;
    auto at = names_.lower_bound(below);
    return at != names_.end() && at->starts_with(below);
  }

  // RECURSIVEMATCH: the names above those chosen.
  void collect_parents() {
    if (!request_.recursive) return;
    auto add = [&](const std::string& name) {
      for (std::size_t at = name.rfind(kDelimiter); at != std::string::npos && at > 0;
           at = name.rfind(kDelimiter, at - 1))
        parents_.insert(name.substr(0, at));
    };
    for (const auto& mailbox : mailboxes_) {
      if (chosen(mailbox.name, &mailbox)) add(mailbox.name);
    }
    if (!request_.select_subscribed || request_.select_special) return;
    for (const std::string& name : subscribed_) add(name);
  }

  void consider(const std::string& name, const storage::Mailbox* mailbox) {
    bool above = parents_.contains(name);
    if ((!chosen(name, mailbox) && !above) || !matches(name)) return;
    out_ += "* LIST (";
    if (mailbox == nullptr) {
      out_ += "\\NonExistent";
    } else {
      out_ += has_children(name) ? "\\HasChildren" : "\\HasNoChildren";
      if (!mailbox->selectable) out_ += " \\Noselect";
      if (!mailbox->special_use.empty()) out_ += ' ' + mailbox->special_use;
    }
    if (subscribed_.contains(name)) out_ += " \\Subscribed";
    out_ += std::string(") \"") + kDelimiter + "\" ";
    append_mailbox(out_, name, session_.enabled);
    if (above) out_ += request_.select_subscribed ? " (CHILDINFO (\"SUBSCRIBED\"))" : " (CHILDINFO (\"SPECIAL-USE\"))";
    out_ += "\r\n";
    if (mailbox != nullptr && mailbox->selectable && !request_.status.empty())
      append_status(session_, *mailbox, request_.status, out_);
  }

  const Conversation& session_;
  const ListRequest& request_;
  std::string& out_;
  std::vector<storage::Mailbox> mailboxes_;
  std::set<std::string> names_, subscribed_, parents_;
};

}  // namespace

Outcome list(Conversation& session, Request& request) {
  ListRequest list = read_request(request.arguments, session.enabled);
  note_status_items(session, list.status, request.output);
  if (list.probe) {
    request.output += std::string("* LIST (\\Noselect) \"") + kDelimiter + "\" \"\"\r\n";
  } else {
    Listing(session, list, request.output).write();
  }
  return ok("List completed.");
}

}  // namespace mailstead::imap::commands
