#pragma once

#include <string>

#include "config/lowering.h"

namespace firn::config {

/// Reads what MergeFields declares into `out`, whose key, disposition, incremental and delete_when are there already,
/// and judges it. `path`: of the table. Errors: E0401, E0425, E0426.
void LowerMerge(const ObjectView& table, const std::string& path, const LoweringContext& context, TableConfig* out);

}  // namespace firn::config
