// The words of the configuration for the enumerations of config.h.
#pragma once

#include <array>
#include <string_view>
#include <utility>

#include "agent/config/config.h"

namespace mailstead::agent {

inline constexpr std::array<std::pair<std::string_view, net::TlsMode>, 3> kTlsModes = {
    {{"implicit", net::TlsMode::kImplicit}, {"starttls", net::TlsMode::kStartTls}, {"none", net::TlsMode::kNone}}};

}  // namespace mailstead::agent
