#pragma once

#include <string>

#include "config/yaml_tree.h"

namespace firn::config {

/// Returns a tree as JSON text. Plain scalars are what YAML says they are; numbers that JSON does not have ("0x10")
/// stay text.
std::string JsonTextOf(const Node& node);
/// The same with null in place of what holds a ${…}: what may change without the rest meaning something else.
std::string JsonTextAsWritten(const Node& node);

}  // namespace firn::config
