#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace firn::format::json {

/// Splits "data.*.items" at its dots. "$." in front and "[*]" are understood; "" gives no segment.
std::vector<std::string> SplitPath(std::string_view path);

/// True if the key literal at body[offset] (with its quotes, `raw` is its inside) is `key` once unescaped.
bool KeyEquals(std::string_view raw, std::string_view key);

struct ValueSpan {
  uint32_t begin = 0;
  uint32_t end = 0;
};

/// Finds the value at `path` inside the value at `at`; of duplicate keys the last counts, of an array the first
/// element. Broken JSON finds nothing. `end`: the end of the index.
std::optional<ValueSpan> FindPath(const uint8_t* body, const uint32_t* at, const uint32_t* end,
                                  const std::vector<std::string>& path);

/// Returns the span of the value at `at` whose last token is the one before `after`.
ValueSpan SpanOf(const uint8_t* body, const uint32_t* at, const uint32_t* after);

}  // namespace firn::format::json
