#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/layout_config.h"

namespace firn::config {

/// Reads "created_at desc nulls last", "bucket(4, id)". nullopt if it is no sort field.
std::optional<SortConfig> ParseSort(std::string_view text);

/// Reads the items of a sort order, or one text with commas between them: sort fields, or "zorder(a, b)" alone. The
/// result has `sort_by`, empty with a z-order. nullopt with the item that cannot be read in `bad`, if not null.
std::optional<LayoutConfig> ParseSortOrder(const std::vector<std::string>& items, std::string* bad = nullptr);

}  // namespace firn::config
