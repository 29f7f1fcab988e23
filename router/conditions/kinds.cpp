#include "router/conditions/kinds.h"

#include <array>

namespace mailstead::router {
namespace {

using Keys = std::string_view;

constexpr std::array<Keys, 10> kText = {"is",    "contains", "starts_with", "ends_with", "glob",
                                        "regex", "exists",   "over",        "under",     "case"};
constexpr std::array<Keys, 13> kAddress = {"domain", "local", "in",     "is",   "contains", "starts_with", "ends_with",
                                           "glob",   "regex", "exists", "over", "under",    "case"};
constexpr std::array<Keys, 5> kCommand = {"exit", "output", "shell", "timeout", "user"};
constexpr std::array<Keys, 4> kSpam = {"over", "under", "action", "symbol"};
constexpr std::array<Keys, 1> kScore = {"at_least"};
constexpr std::array<Keys, 2> kWeighted = {"if", "weight"};
constexpr std::array<Keys, 1> kSeen = {"within"};
constexpr std::array<Keys, 2> kBounds = {"over", "under"};
constexpr std::array<Keys, 2> kDates = {"before", "after"};
constexpr std::array<Keys, 3> kAttachment = {"name", "type", "size"};
constexpr std::array<Keys, 6> kAuth = {"spf", "dkim", "dmarc", "arc", "iprev", "by"};

constexpr std::array<ConditionKind, 22> kKinds = {{
    {"all", {}, make_all},
    {"any", {}, make_any},
    {"not", {}, make_not},
    {"score", kScore, make_score_test},
    {"header", kText, make_header_test},
    {"address", kAddress, make_address_test},
    {"body", {}, make_body_test},
    {"raw", {}, make_raw_test},
    {"attachment", {}, make_attachment_test},
    {"size", {}, make_size_test},
    {"date", {}, make_date_test},
    {"age", {}, make_age_test},
    {"account", {}, make_account_test},
    {"folder", {}, make_folder_test},
    {"flag", {}, make_flag_test},
    {"list", {}, make_list_test},
    {"bulk", {}, make_bulk_test},
    {"auth", {}, make_auth_test},
    {"srs", {}, make_srs_test},
    {"spam", kSpam, make_spam_test},
    {"seen", kSeen, make_seen_test},
    {"command", kCommand, make_command_test},
}};

}  // namespace

std::span<const ConditionKind> condition_kinds() noexcept {
  return kKinds;
}

std::span<const std::string_view> keys_inside(std::string_view kind) noexcept {
  if (kind == "size" || kind == "age") return kBounds;
  if (kind == "date") return kDates;
  if (kind == "attachment") return kAttachment;
  if (kind == "auth") return kAuth;
  if (kind == "score") return kWeighted;
  return kText;
}

}  // namespace mailstead::router
