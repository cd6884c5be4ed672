#include "config/yaml_scalar.h"

#include <cctype>
#include <nlohmann/json.hpp>
#include <string_view>

namespace firn::config {

std::string YamlScalar(const std::string& text) {
  constexpr std::string_view kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./";
  const bool plain = !text.empty() && text.find_first_not_of(kPlain) == std::string::npos &&
                     (std::isalpha(static_cast<unsigned char>(text[0])) || text[0] == '/') && text != "true" &&
                     text != "false" && text != "null" && text != "yes" && text != "no" && text != "on" &&
                     text != "off";
  return plain ? text : nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace firn::config
