// Where `--trace` goes.
#pragma once

#include <string>

#include "connectors/net/trace_stream.h"

namespace mailstead::agent {

// "-" is standard error; a file is appended to and made for its owner alone (0600). The sink may be used by any thread;
// a line that cannot be written is lost. Throws Refusal when the file cannot be opened.
[[nodiscard]] net::TraceSink trace_to(const std::string& file);

}  // namespace mailstead::agent
