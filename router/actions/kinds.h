// The makers of all kinds of action, one per file of this folder; the table of them is in kinds.cpp.
#pragma once

#include "router/action.h"

namespace mailstead::router {

std::unique_ptr<Action> make_deliver(const nlohmann::json& object, Compiler& compiler);
std::unique_ptr<Action> make_discard(const nlohmann::json& object, Compiler& compiler);
std::unique_ptr<Action> make_set_header(const nlohmann::json& object, Compiler& compiler);
std::unique_ptr<Action> make_add_header(const nlohmann::json& object, Compiler& compiler);
std::unique_ptr<Action> make_remove_header(const nlohmann::json& object, Compiler& compiler);
std::unique_ptr<Action> make_flag(const nlohmann::json& object, Compiler& compiler);
std::unique_ptr<Action> make_unflag(const nlohmann::json& object, Compiler& compiler);
std::unique_ptr<Action> make_keyword(const nlohmann::json& object, Compiler& compiler);
std::unique_ptr<Action> make_redirect(const nlohmann::json& object, Compiler& compiler);
std::unique_ptr<Action> make_log(const nlohmann::json& object, Compiler& compiler);
std::unique_ptr<Action> make_stop(const nlohmann::json& object, Compiler& compiler);
std::unique_ptr<Action> make_filter(const nlohmann::json& object, Compiler& compiler);
std::unique_ptr<Action> make_run(const nlohmann::json& object, Compiler& compiler);
std::unique_ptr<Action> make_save_attachments(const nlohmann::json& object, Compiler& compiler);
std::unique_ptr<Action> make_vacation(const nlohmann::json& object, Compiler& compiler);
std::unique_ptr<Action> make_notify(const nlohmann::json& object, Compiler& compiler);
std::unique_ptr<Action> make_quarantine(const nlohmann::json& object, Compiler& compiler);
// A word of the language that is refused, in so many words.
std::unique_ptr<Action> make_reject(const nlohmann::json& object, Compiler& compiler);

}  // namespace mailstead::router
