#pragma once

#include <string>
#include <utility>
#include <vector>

#include "connector/airbyte/manifest.h"

namespace firn::connector::airbyte {

/// A project written for a connector.
struct ProjectText {
  std::string yaml;
  std::vector<std::string> variables;  // of the environment that it names, to be filled in
  std::string first_table;             // "" if only the API knows the streams
};

/// Returns a project that reads every stream of a manifest. Of the connector's settings those that are required are
/// written: defaults and examples as they are, the rest as variables; the others are comments. `path`: the manifest's,
/// as it is to stand in the project.
ProjectText ProjectFor(const Manifest& manifest, const std::string& path);

}  // namespace firn::connector::airbyte
