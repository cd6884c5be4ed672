#pragma once

#include <span>

#include "config/explain.h"

namespace firn::config {

/// Explanations of what goes wrong while running: E043x–E045x requests and expressions, E06xx bodies and types, E07xx
/// SQL and state, E08xx files and runs, E09xx commits. Sorted by code. The codes of project files are in explain.cc.
std::span<const Explanation> RunningExplanations();

}  // namespace firn::config
