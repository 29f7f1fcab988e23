#include "agent/config/keys.h"

namespace mailstead::agent {

const std::map<std::string_view, std::vector<std::string_view>>& known_keys() {
  static const std::map<std::string_view, std::vector<std::string_view>> kKeys = {
      {"configuration",
       {"$schema", "include", "data_dir", "host_name", "accounts", "destinations", "default_destination",
        "redirect_destination", "duplicates", "rules", "users", "listeners", "status", "undelivered", "retry", "limits",
        "log"}},
      {"account",
       {"protocol",
        "host",
        "port",
        "tls",
        "tls_options",
        "user",
        "password",
        "auth",
        "allow_cleartext",
        "timeouts",
        "folders",
        "exclude_folders",
        "subscribed",
        "compress",
        "poll",
        "poll_when",
        "skip",
        "idle",
        "idle_connections",
        "idle_renewal",
        "after_fetch",
        "skip_larger_than",
        "max_messages_per_poll",
        "connections"}},
      {"tls_options", {"ca_file", "fingerprint", "certificate", "key", "min_version", "verify", "insecure"}},
      {"timeouts", {"connect", "greeting", "command", "total"}},
      {"secret", {"file", "env", "command", "credential", "netrc"}},
      {"after_fetch", {"do", "folder", "after", "keyword", "only_if", "on_gmail"}},
      {"destination/mailbox", {"type", "user", "folder"}},
      {"destination/smtp",
       {"type", "host", "port", "tls", "tls_options", "user", "password", "auth", "allow_cleartext", "timeouts", "to",
        "from", "connections", "keep_open"}},
      {"destination/maildir", {"type", "path", "folder"}},
      {"duplicates", {"scope", "window", "do"}},
      {"user", {}},
      {"listener", {"address", "tls", "certificate", "key", "max_connections", "max_connections_per_address"}},
      {"status", {"address"}},
      {"undelivered", {"user"}},
      {"retry", {"first", "longest", "give_up"}},
      {"poll_when", {"days", "hours"}},
      {"limits", {"connections", "per_host", "hosts"}},
      {"log", {"level", "format"}},
  };
  return kKeys;
}

}  // namespace mailstead::agent
