#pragma once

#include <string>
#include <string_view>

namespace firn::source::airbyte {

/// A key in snake_case as the reference makes it: runs of capitals with the letters after them, of letters and of
/// digits are words. Letters beyond ASCII are spelt in it (AsciiLetters).
std::string SnakeCase(std::string_view key);

}  // namespace firn::source::airbyte
