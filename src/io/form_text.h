#pragma once

#include <string>
#include <utility>
#include <vector>

namespace firn::io {

/// The media type of FormText.
inline constexpr char kFormType[] = "application/x-www-form-urlencoded";

/// "a=1&b=x%20y": the fields in order, as a form sends them.
std::string FormText(const std::vector<std::pair<std::string, std::string>>& fields);

}  // namespace firn::io
