#pragma once

#include <string>

#include "config/connector_file.h"

namespace firn::config {

/// Returns the page of a connector as Markdown, as kept in docs/connectors/<name>.md: settings, tables, keys, cursors,
/// personal data. `path`: of a file that is not of the library.
std::string RenderConnectorPage(const ConnectorFile& connector, const std::string& path = "");

/// A project written for a connector.
struct ConnectorProject {
  std::string yaml;
  std::vector<std::string> variables;  // of the environment that it names, to be filled in
  std::string first_table;
};

/// Returns a project that reads the tables of a connector: required settings are written, the others and the further
/// tables are comments. `path`: of the file, relative to the project; empty for one of the library.
ConnectorProject ProjectOf(const ConnectorFile& connector, const std::string& path = "");

}  // namespace firn::config
