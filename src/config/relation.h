#pragma once

#include <string>
#include <utility>
#include <vector>

#include "config/table_config.h"

namespace firn::config {

/// The columns of a child table that say which parent row a row belongs to, each with the parent's path it comes from:
/// those of `include` that bring in the parent's primary_key, in its order. Empty unless they bring in all of it.
std::vector<std::pair<std::string, std::string>> RelationOf(const TableConfig& child, const TableConfig& parent);

}  // namespace firn::config
