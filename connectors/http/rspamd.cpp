#include "connectors/http/rspamd.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>

#include "connectors/http/exchange.h"
#include "mail/escape.h"
#include "mail/failure.h"

namespace mailstead::http {
namespace {

using mail::Failure;
using mail::FailureKind;
using mail::FailureScope;
using nlohmann::json;

constexpr std::size_t kMaxRecipients = 100;
constexpr std::size_t kMaxSymbols = 1000;
constexpr std::size_t kMaxWord = 100;
// It names every URL and address of the message, too.
constexpr std::size_t kLongestAnswer = 8 * 1024 * 1024;
// What it would do with spam; "greylist" and "soft reject" only put off.
constexpr std::array<std::string_view, 5> kSpam = {"reject", "add header", "rewrite subject", "quarantine", "discard"};

[[noreturn]] void violate(const std::string& what) {
  throw Failure(FailureKind::kProtocol, FailureScope::kSession, "rspamd " + what);
}

double number(const json& answer, const char* key) {
  const auto found = answer.find(key);
  if (found == answer.end() || !found->is_number()) violate("answers without a " + std::string(key));
  return found->get<double>();
}

// Envelope addresses have no control characters; what is no ASCII rspamd takes as UTF-8.
void add_envelope(const RspamdRequest& message, Fields& fields) {
  if (!message.sender.empty()) fields.emplace_back("From", message.sender);
  const std::size_t most = std::min(message.recipients.size(), kMaxRecipients);
  for (std::size_t i = 0; i < most; ++i) fields.emplace_back("Rcpt", message.recipients[i]);
}

// {"error": "…"}, or a page of a proxy before it.
std::string words_of(const Response& response) {
  const json said = json::parse(response.content, nullptr, false);
  if (said.is_object() && said.contains("error") && said["error"].is_string())
    return mail::printable(said["error"].get<std::string>(), 200);
  return mail::printable(response.reason, 200);
}

}  // namespace

mail::SpamVerdict read_rspamd_verdict(const std::string& text) {
  const json answer = json::parse(text, nullptr, false);
  if (!answer.is_object()) violate("answers with what is no JSON");
  mail::SpamVerdict verdict;
  verdict.score = number(answer, "score");
  verdict.required = number(answer, "required_score");
  const auto action = answer.find("action");
  if (action == answer.end() || !action->is_string()) violate("answers without an action");
  verdict.action = mail::printable(action->get<std::string>(), kMaxWord);
  verdict.spam = std::find(kSpam.begin(), kSpam.end(), verdict.action) != kSpam.end();
  const auto symbols = answer.find("symbols");
  if (symbols == answer.end() || !symbols->is_object()) return verdict;
  for (const auto& [name, symbol] : symbols->items()) {
    if (verdict.symbols.size() == kMaxSymbols) break;
    verdict.symbols.push_back(mail::printable(name, kMaxWord));
  }
  return verdict;
}

mail::SpamVerdict ask_rspamd(net::Stream& stream, const RspamdRequest& message, const net::Deadline& deadline) {
  Request request;
  request.target = message.target;
  request.authority = message.authority;
  request.fields = {{"User-Agent", "mailstead"}, {"Accept", "application/json"}, {"Connection", "close"}};
  if (!message.password.empty()) request.fields.emplace_back("Password", message.password.reveal());
  add_envelope(message, request.fields);
  request.size = message.content.size();
  request.content = [&](const Visit& out) { mail::for_each_chunk(message.content, 0, message.content.size(), out); };
  request.kept = kLongestAnswer;

  net::BufferedReader reader(stream);
  const Response response = exchange(stream, reader, request, std::chrono::hours(1), deadline);
  if (response.status == 200) return read_rspamd_verdict(response.content);
  const std::string words = stream.peer() + " answers " + std::to_string(response.status) + " " + words_of(response);
  // Of the service, or of what stands before it, whatever the message.
  constexpr std::array<unsigned, 5> kOfTheService = {404, 429, 502, 503, 504};
  if (std::find(kOfTheService.begin(), kOfTheService.end(), static_cast<unsigned>(response.status)) !=
      kOfTheService.end())
    throw Failure(FailureKind::kTemporary, FailureScope::kAccount, words);
  if (response.status == 401 || response.status == 403)
    throw Failure(FailureKind::kAuthentication, FailureScope::kAccount, words);
  throw Failure(FailureKind::kTemporary, FailureScope::kMessage, words);
}

}  // namespace mailstead::http
