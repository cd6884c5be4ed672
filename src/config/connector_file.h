#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/descriptor.h"
#include "config/yaml_tree.h"

/// Connector files: an API described once, whose settings, source and tables are a layer below a pipeline.
namespace firn::config {

struct ConnectorSetting {
  std::string name;
  std::string doc;
  std::string example;  // "" if there is none
  bool required = false;
  bool secret = false;
  bool is_list = false;
  Node otherwise;  // its default, if it is not required
};

struct ConnectorFile {
  std::string name, title, api, doc;
  std::vector<ConnectorSetting> settings;
  Node source;  // mappings; `${setting:…}` stands in them as written
  Node tables;
  Node further_tables;  // of a pipeline that names them alone
  std::shared_ptr<const SourceFile> file;
};

/// Returns the file that `connector` names: one of the library ("hubspot"), or a path ("./acme.yaml") relative to
/// `folder`. Errors: kConfig, with the nearest name as the next step.
Result<std::shared_ptr<const SourceFile>> FindConnector(const std::string& connector, const std::string& folder);

/// Reads and checks a connector file by itself; what a `${setting:…}` stands for is not judged. nullopt after errors,
/// which point into the file. Errors: those of any file, and E0511.
std::optional<ConnectorFile> ReadConnector(const std::shared_ptr<const SourceFile>& file, Diagnostics* diagnostics);

/// Returns the declaration of what a pipeline may write as `settings:` of a connector.
ObjectType SettingsType(const ConnectorFile& connector);

}  // namespace firn::config
