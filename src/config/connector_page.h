#pragma once

#include <string>

#include "config/connector_file.h"

namespace firn::config {

/// Returns the page of a connector as Markdown, as kept in docs/connectors/<name>.md: settings, tables, keys, cursors,
/// personal data.
std::string RenderConnectorPage(const ConnectorFile& connector);

/// A project written for a connector.
struct ConnectorProject {
  std::string yaml;
  std::vector<std::string> variables;  // of the environment that it names, to be filled in
  std::string first_table;
};

/// Returns a project that reads the tables of a connector of the library: required settings are written, the others and
/// the further tables are comments.
ConnectorProject ProjectOf(const ConnectorFile& connector);

}  // namespace firn::config
