#pragma once

#include <cstdint>
#include <string_view>

#include "format/json/structural_walker.h"

namespace firn::format::json {

/// Calls `visit(inside of the key's quotes, entry of the value)` for each member of the object at `at`; stops silently
/// at broken JSON. `end`: the end of the index.
template <typename Visit>
void ForEachMember(const uint8_t* body, const uint32_t* at, const uint32_t* end, Visit visit) {
  SyntaxFault fault;
  ++at;
  while (at != end && body[*at] == '"' && end - at > 2 && body[at[1]] == ':') {
    const uint32_t* value = at + 2;
    const uint32_t* after = SkipValue(body, value, end, Depth::kBracketsOnly, fault);
    if (!after) return;
    const std::string_view key = TokenText(body, at);
    visit(key.size() >= 2 ? key.substr(1, key.size() - 2) : std::string_view(), value);
    if (after == end || body[*after] != ',') return;
    at = after + 1;
  }
}

}  // namespace firn::format::json
