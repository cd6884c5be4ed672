#pragma once

#include <vector>

#include "config/descriptor.h"

namespace firn::config {

/// The fields of a table that say what becomes of rows that are there already (merge_config.h).
std::vector<Field> MergeFields();

}  // namespace firn::config
