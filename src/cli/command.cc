#include "cli/command.h"

#include <charconv>

namespace firn::cli {

std::string Arguments::Text(std::string_view name, std::string otherwise) const {
  const auto& values = All(name);
  return values.empty() ? otherwise : values.front();
}

std::optional<std::string> Arguments::Given(std::string_view name) const {
  const auto& values = All(name);
  if (values.empty()) return std::nullopt;
  return values.front();
}

std::optional<int64_t> Arguments::Integer(std::string_view name) const {
  const auto& values = All(name);
  if (values.empty()) return std::nullopt;
  int64_t number = 0;
  std::from_chars(values.front().data(), values.front().data() + values.front().size(), number);  // checked when parsed
  return number;
}

const std::vector<std::string>& Arguments::All(std::string_view name) const {
  static const std::vector<std::string> kNone;
  const auto found = values_.find(name);
  return found == values_.end() ? kNone : found->second;
}

}  // namespace firn::cli
