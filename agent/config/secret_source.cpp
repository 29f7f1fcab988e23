#include "agent/config/secret_source.h"

#include "agent/config/paths.h"
#include "mail/digest.h"
#include "mail/failure.h"

#include <nlohmann/json.hpp>

#include <cstdlib>
#include <memory>

namespace mailstead::agent {
namespace {

using nlohmann::json;

SecretSource written(Section& section, std::string_view key, const std::string& host, const std::string& user) {
  const SourceFile& file = section.reading().document.file_of(section.pointer_to(key));
  if (file.others_may_read)
    section.fault(key, "a password in a file that others can read",
                  "run \"chmod 600 " + file.name + "\", or use {\"file\": …}");
  const auto& text = section.find(key)->get_ref<const std::string&>();
  if (text.empty() || text.find_first_of(std::string_view("\0\r\n", 3)) != std::string::npos) {
    section.fault(key, text.empty() ? "is empty" : "contains a line end or NUL");
    return {};
  }
  auto kept = std::make_shared<const mail::Secret>(text);
  std::string mark = mail::to_hex(mail::sha256(host + '\n' + user + '\n' + text)).substr(0, 4);
  return {[kept] { return kept->copy(); }, "the configuration", {}, mark};
}

SecretSource from_command(Section& form) {
  std::vector<std::string> command = form.texts("command");
  if (command.empty()) return {};
  std::string origin = "the command " + in_quotes(command.front());
  return {[command] { return secret_of_command(command, kSecretCommandTime); }, origin, {}, {}};
}

SecretSource from_file(Section& form) {
  auto path = form.path("file");
  if (!path) return {};
  return {[name = *path] { return secret_of_file(name); }, "the file " + *path, *path, {}};
}

SecretSource from_variable(Section& form) {
  auto name = form.text("env");
  if (!name) return {};
  return {[variable = *name] { return secret_of_variable(variable); }, "the variable $" + *name, {}, {}};
}

SecretSource from_credential(Section& form) {
  auto name = form.text("credential");
  if (!name) return {};
  if (name->find('/') != std::string::npos) {
    form.fault("credential", "is the name of a credential, without \"/\"", "LoadCredential= in the unit gives it");
    return {};
  }
  return {[credential = *name] { return secret_of_credential(credential); }, "the credential " + *name, {}, {}};
}

SecretSource from_netrc(Section& form, const std::string& host, const std::string& user) {
  auto wanted = form.flag("netrc");
  if (!wanted) return {};
  if (!*wanted) {
    form.fault("netrc", "must be true", "or leave it out");
    return {};
  }
  return {[host, user] { return secret_of_netrc(host, user); }, "netrc", {}, {}};
}

}  // namespace

void fail_secret(const std::string& text) {
  throw mail::Failure(mail::FailureKind::kConfiguration, mail::FailureScope::kAccount, text);
}

mail::Secret first_line(std::string text, const std::string& origin) {
  mail::Secret whole(std::move(text));
  std::string_view line = whole.reveal().substr(0, whole.reveal().find('\n'));
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  if (line.empty()) fail_secret(origin + " has no password in its first line");
  if (line.find('\0') != std::string_view::npos) fail_secret(origin + " has a NUL in its first line");
  return mail::Secret(std::string(line));
}

mail::Secret secret_of_file(const std::string& path) {
  bool others_may_read = false;
  std::string why;
  auto text = read_small_file(path, kMaxSecretBytes, others_may_read, why);
  if (!text) fail_secret("the password file " + path + " cannot be read: " + why);
  mail::Secret secret = first_line(std::move(*text), "the password file " + path);
  if (others_may_read)
    fail_secret("the password file " + path + " can be read by others: run \"chmod 600 " + path + '"');
  return secret;
}

mail::Secret secret_of_variable(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  if (value == nullptr) fail_secret("the environment variable $" + name + " with the password is not set");
  return first_line(value, "the environment variable $" + name);
}

mail::Secret secret_of_credential(const std::string& name) {
  const char* directory = std::getenv("CREDENTIALS_DIRECTORY");
  if (directory == nullptr)
    fail_secret("the credential " + in_quotes(name) +
                " is not here: $CREDENTIALS_DIRECTORY is not set; the unit needs LoadCredential=" + name + ":…");
  std::string path = std::string(directory) + '/' + name;
  bool others_may_read = false;  // systemd looks after that itself
  std::string why;
  auto text = read_small_file(path, kMaxSecretBytes, others_may_read, why);
  if (!text) fail_secret("the credential " + in_quotes(name) + " cannot be read: " + why);
  return first_line(std::move(*text), "the credential " + in_quotes(name));
}

SecretSource read_secret(Section& section, std::string_view key, const std::string& host, const std::string& user) {
  const json* value = section.find(key);
  if (value == nullptr) return {};
  if (value->is_string()) return written(section, key, host, user);
  if (!value->is_object()) {
    section.fault(key, R"(must be a string or one of {"file"}, {"env"}, {"command"}, {"credential"}, {"netrc": true})");
    return {};
  }
  Section form(*value, section.pointer_to(key), "secret", section.reading());
  if (value->size() != 1) {
    form.fault({}, "names " + std::string(value->empty() ? "no" : "more than one") + " place of the password",
               "take one of file, env, command, credential, netrc");
    return {};
  }
  if (form.has("file")) return from_file(form);
  if (form.has("env")) return from_variable(form);
  if (form.has("command")) return from_command(form);
  if (form.has("credential")) return from_credential(form);
  if (form.has("netrc")) return from_netrc(form, host, user);
  return {};
}

}  // namespace mailstead::agent
