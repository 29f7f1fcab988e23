// The loader against the table of refused documents that the schema is held against, too, and against good ones.
#include "agent/config/config.h"
#include "agent/config/keys.h"
#include "router/vocabulary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <filesystem>
#include <fstream>
#include <set>

namespace mailstead::agent {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using namespace std::chrono_literals;

json read_json(const std::string& path) {
  std::ifstream file(std::string(MAILSTEAD_SOURCE_DIR) + '/' + path);
  return json::parse(file, nullptr, true, true);
}

std::vector<std::string> problems_of(const std::string& text) {
  std::vector<ConfigProblem> problems;
  auto config = parse_config(text, "mailstead.json", "/etc/mailstead", problems);
  EXPECT_EQ(config == nullptr, !problems.empty());
  std::vector<std::string> out;
  for (const ConfigProblem& one : problems) out.push_back(text_of(one));
  return out;
}

std::shared_ptr<const Config> parsed(const std::string& text) {
  std::vector<ConfigProblem> problems;
  auto config = parse_config(text, "mailstead.json", "/etc/mailstead", problems);
  for (const ConfigProblem& one : problems) ADD_FAILURE() << text_of(one);
  return config;
}

TEST(ConfigLoader, RefusesEachFaultOnceAtItsPlace) {
  json table = read_json("tests/integration/refused_configs.json");
  EXPECT_TRUE(problems_of(table["base"].dump(1)).empty());
  ASSERT_GT(table["rows"].size(), 60U);
  for (const json& row : table["rows"]) {
    json document = table["base"];
    document.merge_patch(row["patch"]);
    std::vector<ConfigProblem> problems;
    EXPECT_EQ(parse_config(document.dump(1), "x.json", "/", problems), nullptr) << row["name"];
    ASSERT_FALSE(problems.empty()) << row["name"];
    EXPECT_EQ(problems.size(), 1U) << row["name"] << ": " << text_of(problems.back());
    EXPECT_EQ(problems[0].pointer, row["pointer"].get<std::string>()) << row["name"];
    EXPECT_THAT(text_of(problems[0]), HasSubstr(row["said"].get<std::string>())) << row["name"];
  }
}

TEST(ConfigLoader, PlacesAProblemAsTheInterfaceSays) {
  EXPECT_THAT(problems_of(R"({
  // a comment
  "accounts": {
    "work": {
      "protocol": "imap",
      "host": "h",
      "port": 993
      , "tls": "startls", "user": "u", "password": "p" } },
  "destinations": { "home": { "type": "mailbox", "user": "a" } },
  "users": { "a": {} }
})"),
              ElementsAre("mailstead.json:8: /accounts/work/tls: \"startls\" is not one of implicit, starttls, none "
                          "(did you mean \"starttls\"?)"));
}

TEST(ConfigLoader, ListsAllProblemsInOrderOfTheirLines) {
  auto problems = problems_of(R"({
  "rules": [
    { "then": [ { "deliver": "hom" } ] } ],
  "destinations": {
    "home": { "type": "mailbox", "user": "alice", "foldr": "x" } },
  "users": {},
  "data_dir": 5
})");
  ASSERT_EQ(problems.size(), 4U) << testing::PrintToString(problems);
  EXPECT_THAT(problems[0], HasSubstr("mailstead.json:3: /rules/0/then/0/deliver"));
  EXPECT_THAT(problems[1], HasSubstr("mailstead.json:5: /destinations/home"));
  EXPECT_THAT(problems[2], HasSubstr("mailstead.json:5: /destinations/home"));
  EXPECT_THAT(problems[3], HasSubstr("mailstead.json:7: /data_dir"));
}

TEST(ConfigLoader, NeverQuotesASecret) {
  for (const char* text :
       {R"({"accounts": {"a": {"password": "hunter2" "x"}}})", R"({"accounts": {"a": {"password": ["hunter2"]}}})",
        R"({"accounts": {"a": {"password": {"file": {"hunter": "hunter2"}}}}})",
        "{\"accounts\": {\"a\": {\"password\": \"hunter2\n\"}}}"}) {
    auto problems = problems_of(text);
    ASSERT_FALSE(problems.empty());
    for (const std::string& one : problems) EXPECT_EQ(one.find("hunter2"), std::string::npos) << one;
  }
}

TEST(ConfigLoader, LoadsEverySample) {
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(MAILSTEAD_SOURCE_DIR "/config-samples")) {
    if (entry.path().extension() != ".json" || entry.path().filename() == "mailstead.schema.json") continue;
    std::vector<ConfigProblem> problems;
    EXPECT_NE(load_config(entry.path().string(), problems), nullptr);
    for (const ConfigProblem& one : problems) ADD_FAILURE() << text_of(one);
    ++count;
  }
  EXPECT_GE(count, 3U);
}

TEST(ConfigLoader, FillsInDefaults) {
  auto config = parsed(R"({
    "data_dir": "data",
    "accounts": { "i": {"protocol": "imap", "host": "h", "user": "u", "password": "p"},
                  "s": {"protocol": "imap", "host": "h", "tls": "starttls", "user": "u", "password": "p"},
                  "k": {"protocol": "imap", "host": "h", "port": 143, "user": "u", "password": "p"},
                  "p": {"protocol": "pop3", "host": "h", "user": "u", "password": "p", "poll": "1h 5m",
                        "after_fetch": {"do": "delete", "after": "14d"}},
                  "l": {"protocol": "pop3", "host": "127.0.0.1", "tls": "none", "user": "u", "password": "p"} },
    "destinations": { "home": {"type": "mailbox", "user": "a"} },
    "users": {"b": {}, "a": {}},
    "listeners": { "imaps": {"address": "0.0.0.0:993", "certificate": "c.pem", "key": "~/k.pem"} } })");
  ASSERT_NE(config, nullptr);
  EXPECT_EQ(config->data_dir, "/etc/mailstead/data");
  EXPECT_EQ(config->default_destination, "home");
  EXPECT_EQ(config->undelivered_user, "a");
  EXPECT_EQ(config->duplicates.window, 90 * 24h);
  EXPECT_FALSE(config->host_name.empty());
  const auto& accounts = config->accounts;
  EXPECT_EQ(accounts.at("i").endpoint.port, 993);
  EXPECT_EQ(accounts.at("i").endpoint.tls, net::TlsMode::kImplicit);
  EXPECT_THAT(accounts.at("i").folders, ElementsAre("INBOX"));
  EXPECT_EQ(accounts.at("s").endpoint.port, 143);
  EXPECT_EQ(accounts.at("k").endpoint.tls, net::TlsMode::kStartTls);
  EXPECT_EQ(accounts.at("p").endpoint.port, 995);
  EXPECT_EQ(accounts.at("p").poll, 65min);
  EXPECT_EQ(accounts.at("p").after_fetch.action, AfterFetch::Do::kDelete);
  EXPECT_EQ(accounts.at("p").after_fetch.after, 14 * 24h);
  EXPECT_EQ(accounts.at("l").endpoint.port, 110);
  EXPECT_EQ(config->listeners.at("imaps").tls, net::TlsMode::kImplicit);
  EXPECT_EQ(config->listeners.at("imaps").certificate, "/etc/mailstead/c.pem");
  EXPECT_TRUE(config->listeners.at("imaps").key.starts_with('/'));
  EXPECT_EQ(config->rules->size(), 0U);
}

TEST(ConfigLoader, ReadsTheWaysToAServer) {
  auto config = parsed(R"({
    "accounts": { "t": {"protocol": "imap", "tunnel": ["ssh", "-o", "%h:%p", "imapd"]},
                  "u": {"protocol": "pop3", "socket": "run/pop3", "user": "u", "password": "p"},
                  "p": {"protocol": "imap", "host": "h", "proxy": "socks5://[2001:db8::1]:1080/", "user": "u", "password": "p",
                        "source_address": "192.0.2.7", "timeouts": {"answer": "30s"}},
                  "h": {"protocol": "imap", "host": "h", "user": "u", "password": "p",
                        "tls_options": {"alpn": false, "pin": "sha256:qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqo="},
                        "proxy": {"url": "HTTP://proxy.example:3128", "user": "carol", "password": {"env": "P"}}},
                  "k": {"protocol": "imap", "host": "h", "user": "u", "auth": "gssapi"} },
    "destinations": { "home": {"type": "mailbox", "user": "a"} }, "users": {"a": {}} })");
  ASSERT_NE(config, nullptr);
  const auto& tunnel = config->accounts.at("t").endpoint;
  EXPECT_EQ(tunnel.tls, net::TlsMode::kNone);
  EXPECT_THAT(tunnel.tunnel, ElementsAre("ssh", "-o", "%h:%p", "imapd"));
  EXPECT_TRUE(tunnel.is_private_line());
  EXPECT_EQ(config->accounts.at("u").endpoint.unix_socket, "/etc/mailstead/run/pop3");
  const auto& socks = config->accounts.at("p").endpoint;
  ASSERT_TRUE(socks.proxy);
  EXPECT_EQ(socks.proxy->kind, net::Proxy::Kind::kSocks5);
  EXPECT_EQ(socks.proxy->host, "2001:db8::1");
  EXPECT_EQ(socks.proxy->port, 1080);
  EXPECT_EQ(socks.source_address, "192.0.2.7");
  EXPECT_EQ(socks.timeouts.answer, 30s);
  EXPECT_EQ(socks.tls, net::TlsMode::kImplicit);
  EXPECT_EQ(socks.tls_settings.alpn, "imap");
  const auto& http = config->accounts.at("h").endpoint;
  ASSERT_TRUE(http.proxy);
  EXPECT_EQ(http.proxy->kind, net::Proxy::Kind::kHttp);
  EXPECT_EQ(http.proxy->user, "carol");
  EXPECT_TRUE(http.proxy->password);
  EXPECT_EQ(http.tls_settings.alpn, "");
  EXPECT_EQ(http.tls_settings.pins.size(), 1U);
  EXPECT_EQ(config->accounts.at("k").credentials.mechanism, "gssapi");
}

TEST(ConfigLoader, ShowsNoPasswordToAnyoneBehindAProxy) {
  // 127.0.0.1 is the proxy's there.
  EXPECT_THAT(problems_of(R"({"accounts": {"a": {"protocol": "imap", "host": "127.0.0.1", "tls": "none", "user": "u",
      "password": "p", "proxy": "socks5://127.0.0.1:1080"}}, "destinations": {"d": {"type": "maildir", "path": "x"}}})"),
              ElementsAre(HasSubstr("would show the password")));
}

TEST(ConfigLoader, AsksForADestinationWhereThereIsAnAccount) {
  auto problems =
      problems_of(R"({"accounts": {"a": {"protocol": "imap", "host": "h", "user": "u", "password": "p"}}})");
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_THAT(problems[0], HasSubstr("mailstead.json:1: \"destinations\" is missing"));
  EXPECT_TRUE(problems_of("{}").empty());
}

TEST(ConfigDigest, ChangesWithWhatSigningInNeedsAndShowsNoSecret) {
  auto digest = [](const char* password, const char* more) {
    auto config =
        parsed(std::string(R"({"accounts": {"a": {"protocol": "imap", "host": "h", "user": "u", "password": )") +
               password + more + R"(}}, "destinations": {"d": {"type": "maildir", "path": "x"}}})");
    return digest_of(config->accounts.at("a"));
  };
  std::string first = digest("\"p\"", "");
  EXPECT_EQ(first, digest("\"p\"", R"(, "poll": "1h", "idle": true)"));
  EXPECT_NE(first, digest("\"q\"", ""));
  EXPECT_NE(first, digest("\"p\"", R"(, "port": 1993)"));
  EXPECT_NE(first, digest("\"p\"", R"(, "auth": "plain")"));
  EXPECT_NE(first, digest("\"p\"", R"(, "proxy": "socks5://p:1080")"));
  EXPECT_NE(first,
            digest("\"p\"", R"(, "tls_options": {"pin": "sha256:qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqo="})"));
  EXPECT_NE(first, digest(R"({"env": "P"})", ""));
  EXPECT_EQ(first.size(), 64U);
}

std::set<std::string> keys_of(const json& schema, const std::string& definition) {
  std::set<std::string> keys;
  const json& where = definition.empty() ? schema : schema.at("$defs").at(definition);
  for (const auto& [key, value] : where.at("properties").items()) keys.insert(key);
  return keys;
}

TEST(ConfigSchema, KnowsTheKeysThatTheLoaderKnows) {
  json schema = read_json("config-samples/mailstead.schema.json");
  for (const auto& [section, keys] : known_keys()) {
    if (keys == kAnyKey) continue;
    std::string name(section == "configuration" ? "" : section == "secret" ? "secret_place" : section);
    if (auto slash = name.find('/'); slash != std::string::npos) name[slash] = '_';
    EXPECT_EQ(keys_of(schema, name), std::set<std::string>(keys.begin(), keys.end())) << section;
  }
}

TEST(ConfigSchema, KnowsTheRulesThatTheRouterKnows) {
  json schema = read_json("config-samples/mailstead.schema.json");
  const std::set<std::string> later = {"reject"};
  auto words = router::vocabulary();
  EXPECT_EQ(keys_of(schema, "rule"), words["rule"]);
  for (const char* part : {"condition", "action"}) {
    std::string prefix = part == std::string("condition") ? "test_" : "action_";
    std::set<std::string> offered;
    for (const json& one : schema.at("$defs").at(part).at("oneOf"))
      offered.insert(one.at("$ref").get<std::string>().substr(8 + prefix.size()));
    std::set<std::string> supported;
    for (const std::string& kind : words[part]) {
      if (later.contains(kind)) continue;
      supported.insert(kind);
      std::set<std::string> keys = words[std::string(part) + '/' + kind];
      keys.insert(kind);
      EXPECT_EQ(keys_of(schema, prefix + kind), keys) << kind;
    }
    EXPECT_EQ(offered, supported);
  }
  EXPECT_EQ(keys_of(schema, "size_bounds"), words["inside/size"]);
  EXPECT_EQ(keys_of(schema, "age_bounds"), words["inside/age"]);
  EXPECT_EQ(keys_of(schema, "date_bounds"), words["inside/date"]);
  EXPECT_EQ(keys_of(schema, "attachment"), words["inside/attachment"]);
  EXPECT_EQ(keys_of(schema, "auth_results"), words["inside/auth"]);
  EXPECT_EQ(keys_of(schema, "operators"), words["inside/body"]);
  EXPECT_EQ(keys_of(schema, "operators"), words["inside/output"]);
  EXPECT_EQ(keys_of(schema, "weighted"), words["inside/score"]);
}

}  // namespace
}  // namespace mailstead::agent
