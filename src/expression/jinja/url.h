#pragma once

#include <string>
#include <string_view>

namespace firn::expression::jinja {

/// Percent-encodes all but letters, digits, "_.-~" and `safe`; with `plus`, spaces become "+".
std::string QuoteUrl(std::string_view text, std::string_view safe, bool plus);

}  // namespace firn::expression::jinja
