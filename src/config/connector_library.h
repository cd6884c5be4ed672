#pragma once

#include <span>
#include <string_view>

/// The connector files of this binary. The definitions are made of connectors/*.yaml by cmake/EmbedConnectors.cmake.
namespace firn::config {

struct BuiltinConnector {
  std::string_view name;  // "hubspot"
  std::string_view text;  // of the file
};

/// Sorted by name.
std::span<const BuiltinConnector> BuiltinConnectors();

}  // namespace firn::config
