#pragma once

#include <string>

/// `source: {type: airbyte}`. Plain data.
namespace firn::config {

struct AirbyteSourceConfig {
  std::string manifest;             // absolute path of the connector's manifest.yaml
  std::string config_json = "{}";   // secret: what the connector is configured with
  std::string written_json = "{}";  // the same with null for what came from ${…}: positions hold for it
};

}  // namespace firn::config
