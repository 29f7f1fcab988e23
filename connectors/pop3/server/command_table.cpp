#include "connectors/pop3/server/command_table.h"

#include <algorithm>
#include <iterator>

#include "connectors/pop3/server/server_session.h"

namespace mailstead::pop3 {
namespace {

constexpr auto kBefore = static_cast<unsigned>(Session::State::kAuthorization);
constexpr auto kAfter = static_cast<unsigned>(Session::State::kTransaction);
constexpr auto kAlways = kBefore | kAfter;

constexpr Command kCommands[] = {
    {"AUTH", kBefore, run_auth, true}, {"CAPA", kAlways, run_capa}, {"DELE", kAfter, run_dele},
    {"LIST", kAfter, run_list},        {"NOOP", kAfter, run_noop},  {"PASS", kBefore, run_pass},
    {"QUIT", kAlways, run_quit},       {"RETR", kAfter, run_retr},  {"RSET", kAfter, run_rset},
    {"STAT", kAfter, run_stat},        {"STLS", kBefore, run_stls}, {"TOP", kAfter, run_top},
    {"UIDL", kAfter, run_uidl},        {"USER", kBefore, run_user},
};

}  // namespace

const Command* find_command(std::string_view verb) noexcept {
  const auto* found = std::find_if(std::begin(kCommands), std::end(kCommands),
                                   [&](const Command& command) { return command.verb == verb; });
  return found == std::end(kCommands) ? nullptr : found;
}

}  // namespace mailstead::pop3
