#pragma once

#include <string>
#include <string_view>

namespace firn::source::airbyte {

/// A text with its letters in ASCII, as the reference's anyascii spells them: é is e, ß is ss, я is ya. Latin, Greek
/// and Cyrillic letters and the signs of currencies; signs beside them become `-`, and so do the letters of other
/// scripts.
std::string AsciiLetters(std::string_view text);

}  // namespace firn::source::airbyte
