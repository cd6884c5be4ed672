#pragma once

#include <string>

/// `source: {type: airbyte}`. Plain data.
namespace firn::config {

struct AirbyteSourceConfig {
  std::string manifest;             // absolute path of the connector's manifest.yaml
  std::string config_json = "{}";   // secret: what the connector is configured with
  std::string written_json = "{}";  // the same with null for what came from ${…}: positions hold for it
  bool declared_types = false;      // new tables get the types of the connector's schemas where rows leave them open
};

}  // namespace firn::config
