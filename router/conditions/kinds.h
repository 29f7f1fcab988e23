// The makers of all kinds of condition, one per file of this folder; the table of them is in kinds.cpp.
#pragma once

#include "router/condition.h"

namespace mailstead::router {

std::unique_ptr<Condition> make_all(const nlohmann::json& object, Compiler& compiler);
std::unique_ptr<Condition> make_any(const nlohmann::json& object, Compiler& compiler);
std::unique_ptr<Condition> make_not(const nlohmann::json& object, Compiler& compiler);
std::unique_ptr<Condition> make_header_test(const nlohmann::json& object, Compiler& compiler);
std::unique_ptr<Condition> make_address_test(const nlohmann::json& object, Compiler& compiler);
std::unique_ptr<Condition> make_body_test(const nlohmann::json& object, Compiler& compiler);
std::unique_ptr<Condition> make_raw_test(const nlohmann::json& object, Compiler& compiler);
std::unique_ptr<Condition> make_attachment_test(const nlohmann::json& object, Compiler& compiler);
std::unique_ptr<Condition> make_size_test(const nlohmann::json& object, Compiler& compiler);
std::unique_ptr<Condition> make_date_test(const nlohmann::json& object, Compiler& compiler);
std::unique_ptr<Condition> make_age_test(const nlohmann::json& object, Compiler& compiler);
std::unique_ptr<Condition> make_account_test(const nlohmann::json& object, Compiler& compiler);
std::unique_ptr<Condition> make_folder_test(const nlohmann::json& object, Compiler& compiler);
std::unique_ptr<Condition> make_flag_test(const nlohmann::json& object, Compiler& compiler);
std::unique_ptr<Condition> make_list_test(const nlohmann::json& object, Compiler& compiler);
std::unique_ptr<Condition> make_bulk_test(const nlohmann::json& object, Compiler& compiler);
std::unique_ptr<Condition> make_auth_test(const nlohmann::json& object, Compiler& compiler);
std::unique_ptr<Condition> make_srs_test(const nlohmann::json& object, Compiler& compiler);
std::unique_ptr<Condition> make_spam_test(const nlohmann::json& object, Compiler& compiler);
std::unique_ptr<Condition> make_score_test(const nlohmann::json& object, Compiler& compiler);
std::unique_ptr<Condition> make_seen_test(const nlohmann::json& object, Compiler& compiler);
std::unique_ptr<Condition> make_command_test(const nlohmann::json& object, Compiler& compiler);

// What may stand inside {"size": {…}}, {"date": {…}}, {"age": {…}}, {"attachment": {…}}, {"body": {…}},
// {"auth": {…}}, "output": {…}, a part of "score".
std::span<const std::string_view> keys_inside(std::string_view kind) noexcept;
// The addresses that {"address": …} knows.
std::span<const std::string_view> address_names() noexcept;

}  // namespace mailstead::router
