#pragma once

#include "config/lowering.h"

namespace firn::config {

/// Reads `job`, and whether the answers are files, of a table of an API; its request and cursor are there already.
/// Errors: E0497, E0541.
void LowerJob(const ObjectView& table, const LoweringContext& context, TableConfig* out);

}  // namespace firn::config
