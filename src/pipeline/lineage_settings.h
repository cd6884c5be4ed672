#pragma once

#include <map>
#include <optional>
#include <string>

#include "base/status.h"

namespace firn::pipeline {

/// Where OpenLineage events of a run go, as the environment of the process says with the names that OpenLineage's own
/// clients use: OPENLINEAGE_URL, _ENDPOINT, _API_KEY, _NAMESPACE, _DISABLED, _PARENT_ID, and
/// OPENLINEAGE__TRANSPORT__TYPE (http or file), __URL, __ENDPOINT, __AUTH (JSON {"type": "api_key", "apiKey": …}),
/// __LOG_FILE_PATH, __APPEND.
struct LineageSettings {
  /// The run around this one: what OPENLINEAGE_PARENT_ID says as "namespace/job/run".
  struct Parent {
    std::string job_namespace;
    std::string job_name;
    std::string run_id;
  };

  std::string url;      // that events are posted to; empty: no server
  std::string api_key;  // secret; empty: none
  std::string file;     // that events are appended to, one JSON object per line; empty: no file
  std::string job_namespace = "firn";
  std::optional<Parent> parent;

  bool enabled() const { return !url.empty() || !file.empty(); }
};

/// Reads them; what is not set stays off. Registers the key in ProcessRedactor(). Errors: kConfig E0980 for a name or
/// value that this build does not understand, so that no event is missed in silence.
Result<LineageSettings> ReadLineageSettings(const std::map<std::string, std::string>& environment);

}  // namespace firn::pipeline
