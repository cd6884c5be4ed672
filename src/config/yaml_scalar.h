#pragma once

#include <string>

namespace firn::config {

/// Returns a YAML scalar: the text as it is if that is plain, else a JSON string, which YAML takes.
std::string YamlScalar(const std::string& text);

}  // namespace firn::config
