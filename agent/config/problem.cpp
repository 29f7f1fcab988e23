#include "agent/config/problem.h"

namespace mailstead::agent {

std::string text_of(const ConfigProblem& problem) {
  std::string out = problem.file;
  if (problem.line > 0) out += ':' + std::to_string(problem.line);
  if (problem.column > 0) out += ':' + std::to_string(problem.column);
  out += ": ";
  if (!problem.pointer.empty()) out += problem.pointer + ": ";
  out += problem.what;
  if (!problem.hint.empty()) out += " (" + problem.hint + ')';
  return out;
}

}  // namespace mailstead::agent
