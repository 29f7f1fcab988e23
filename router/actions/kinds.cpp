#include "router/actions/kinds.h"

#include <array>

namespace mailstead::router {
namespace {

constexpr std::array<std::string_view, 3> kDeliver = {"folder", "to", "copy"};
constexpr std::array<std::string_view, 1> kRedirect = {"copy"};
constexpr std::array<std::string_view, 4> kSave = {"folder", "name", "type", "size"};
constexpr std::array<std::string_view, 5> kVacation = {"addresses", "from", "subject", "days", "by"};
constexpr std::array<std::string_view, 1> kQuarantine = {"for"};
constexpr std::array<std::string_view, 3> kProgram = {"shell", "timeout", "user"};

constexpr std::array<ActionKind, 18> kKinds = {{
    {"deliver", kDeliver, make_deliver},
    {"discard", {}, make_discard},
    {"set_header", {}, make_set_header},
    {"add_header", {}, make_add_header},
    {"remove_header", {}, make_remove_header},
    {"flag", {}, make_flag},
    {"unflag", {}, make_unflag},
    {"keyword", {}, make_keyword},
    {"redirect", kRedirect, make_redirect},
    {"log", {}, make_log},
    {"stop", {}, make_stop},
    {"filter", kProgram, make_filter},
    {"run", kProgram, make_run},
    {"save_attachments", kSave, make_save_attachments},
    {"quarantine", kQuarantine, make_quarantine},
    {"vacation", kVacation, make_vacation},
    {"reject", {}, make_reject},
    {"notify", {}, make_notify},
}};

}  // namespace

std::span<const ActionKind> action_kinds() noexcept {
  return kKinds;
}

}  // namespace mailstead::router
