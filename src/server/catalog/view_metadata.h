#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "schema/type.h"
#include "server/catalog/json.h"

/// View metadata (Iceberg View Spec, version 1): a value, changed by ApplyViewUpdate.
namespace firn::server {

struct ViewVersion {
  int32_t version_id = 1;
  int64_t timestamp_ms = 0;
  int32_t schema_id = -1;  // -1: the schema added last
  std::map<std::string, std::string> summary;
  Json representations;  // list of {"type":"sql","sql","dialect"}
  std::optional<std::string> default_catalog;
  std::vector<std::string> default_namespace;
};

struct ViewLogEntry {
  int64_t timestamp_ms = 0;
  int32_t version_id = 0;
};

struct ViewMetadata {
  std::string uuid;
  int32_t format_version = 1;
  std::string location;
  std::map<std::string, std::string> properties;
  std::vector<schema::Schema> schemas;
  int32_t current_version_id = 0;
  std::vector<ViewVersion> versions;
  std::vector<ViewLogEntry> log;

  const ViewVersion* FindVersion(int32_t version_id) const;
};

/// Errors: 400 naming the field.
Result<ViewVersion> ParseViewVersion(const Json& json);
Result<ViewMetadata> ParseViewMetadata(std::string_view text);
std::string WriteViewMetadata(const ViewMetadata& metadata);

/// Applies the updates of one request in order: assign-uuid, upgrade-format-version, add-schema, set-location,
/// set-properties, remove-properties, add-view-version, set-current-view-version. An equal version keeps its id,
/// another gets the next free one; at the end old versions beyond `version.history.num-entries` (default 10) are
/// dropped. `now_ms`: of the version log. Errors: 400.
class ViewBuilder {
 public:
  ViewBuilder(ViewMetadata base, int64_t now_ms);
  Status Apply(const Json& update);
  void AddSchema(schema::Schema schema);
  Status AddVersion(ViewVersion version);
  Status SetCurrentVersion(int32_t version_id);  // -1: added last
  Result<ViewMetadata> Finish();

  ViewMetadata& metadata() { return metadata_; }

 private:
  void Expire();

  ViewMetadata metadata_;
  const std::optional<ViewVersion> previous_;  // the version that was current
  const int64_t now_ms_;
  std::optional<int32_t> last_schema_id_;
  std::optional<int32_t> last_version_id_;
  size_t num_added_ = 0;
};

}  // namespace firn::server
