#pragma once

namespace mailstead::agent {

inline constexpr char kVersion[] = "0.1.0";

}  // namespace mailstead::agent
