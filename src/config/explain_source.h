#pragma once

#include <span>

#include "config/explain.h"

namespace firn::config {

/// Explanations of what sources run into that requests alone do not: E050x–E055x connectors, workflows, credentials,
/// GraphQL; E0626–E0639 limits. Sorted by code.
std::span<const Explanation> SourceExplanations();

}  // namespace firn::config
