#pragma once

#include <vector>

#include "cli/command.h"
#include "config/project.h"

namespace firn::cli {

/// Reads `--set path=value`, as often as it was given. Errors: kConfig for an item without `=`.
inline Result<std::vector<config::Override>> OverridesOf(const Arguments& arguments) {
  std::vector<config::Override> overrides;
  for (const std::string& item : arguments.All("--set")) {
    const size_t equals = item.find('=');
    if (equals == std::string::npos) return MakeError(Fault::kConfig, "--set wants path=value, not " + item);
    overrides.push_back({.path = item.substr(0, equals), .value = item.substr(equals + 1), .origin = "--set"});
  }
  return overrides;
}

}  // namespace firn::cli
