#pragma once

#include <string>
#include <string_view>

namespace firn::format::json {

/// Returns at most 120 characters of `text` around `offset` that show structure only: digits become 9, letters and
/// bytes beyond ASCII x, control characters spaces. So no value leaves the process (DESIGN.md §5.7).
std::string StructureExcerpt(std::string_view text, size_t offset = 0);

}  // namespace firn::format::json
