// What programs get to see of our environment, and whom they run as.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "connectors/process/child.h"

namespace mailstead::process {

inline constexpr std::string_view kUsualPath = "/usr/local/bin:/usr/bin:/bin";
inline constexpr std::size_t kMaxVariable = 8192;  // octets of a value that comes from a message

// All of ours.
[[nodiscard]] std::vector<std::string> whole_environment();
// For a program that stands for the user (a tunnel such as ssh): enough to find its files, keys and words, none of what
// may hold a password of ours.
[[nodiscard]] std::vector<std::string> users_environment();

// Names without the prefix MAILSTEAD_, and values, which may be foreign.
using Variables = std::vector<std::pair<std::string, std::string>>;
// For a program that gets mail: PATH, HOME, LANG=C.UTF-8, and the variables as MAILSTEAD_NAME, each one printable line
// of at most kMaxVariable octets; `own` as they are, instead of those of the same name.
[[nodiscard]] std::vector<std::string> clean_environment(const std::string& home, const Variables& variables,
                                                         const Variables& own = {});

// The user of that name, with all of his groups; "" is ourselves. Throws Failure(kConfiguration, kAccount) when there
// is no such user, or he is somebody else and we are not root.
[[nodiscard]] Identity identity_of(const std::string& user);

}  // namespace mailstead::process
