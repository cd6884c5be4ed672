#pragma once

#include <cstdint>
#include <initializer_list>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"
#include "table/metadata/metadata.h"

/// Strict reading of JSON trees: for the .cc files of this folder only (the include is heavy).
namespace firn::table {

using Json = nlohmann::json;

/// Errors: kBadData for anything that is not JSON, is nested too deep or too large. `what` names it in messages.
Result<Json> ParseJson(std::string_view text, std::string_view what);

/// A JSON object and the place it stands at, for messages: "metadata.snapshots[3]".
class JsonObject {
 public:
  /// Errors: kBadData if `json` is no object. `json` is borrowed.
  static Result<JsonObject> Of(const Json& json, std::string place);

  /// Value of a key; null counts as absent. Errors: kBadData for another type or an int out of range; the plain forms
  /// also if it is absent.
  Result<int32_t> Int(const char* key) const;
  Result<int64_t> Long(const char* key) const;
  Result<bool> Bool(const char* key) const;
  Result<std::string> String(const char* key) const;
  Result<std::optional<int32_t>> OptionalInt(const char* key) const;
  Result<std::optional<int64_t>> OptionalLong(const char* key) const;
  Result<std::optional<std::string>> OptionalString(const char* key) const;
  /// An array, or null if absent; with `required` an error if absent.
  Result<const Json*> Array(const char* key, bool required) const;
  Result<std::vector<int32_t>> Ints(const char* key) const;
  Result<std::vector<int64_t>> Longs(const char* key) const;
  Result<std::vector<std::string>> Strings(const char* key) const;
  /// An object of strings, empty if absent.
  Result<std::map<std::string, std::string>> StringMap(const char* key) const;
  /// The value of a key, or null if absent or JSON null.
  const Json* Find(const char* key) const;
  Result<const Json*> Get(const char* key) const;
  /// Every member whose key is not listed, as JSON text.
  std::map<std::string, std::string> Others(std::initializer_list<std::string_view> known) const;

  std::string Place(std::string_view key) const { return place_ + "." + std::string(key); }
  const std::string& place() const { return place_; }
  Status Bad(const char* key, std::string_view problem) const;

 private:
  JsonObject(const Json& json, std::string place) : json_(&json), place_(std::move(place)) {}

  const Json* json_;
  std::string place_;
};

/// Trees of the parts that stand alone and inside metadata. `place` for messages.
Result<schema::Schema> SchemaFromJson(const Json& json, const std::string& place);
/// What a missing partition field id means: numbered from 1000 by position (v1 files) or 0, "to be assigned".
enum class MissingFieldIds { kNumber, kLeaveOpen };
Result<PartitionSpec> SpecFromJson(const Json& json, int32_t spec_id, MissingFieldIds missing,
                                   const std::string& place);
Result<SortOrder> SortOrderFromJson(const Json& json, const std::string& place);
Result<Snapshot> SnapshotFromJson(const Json& json, const std::string& place);
Result<SnapshotRef> RefFromJson(const Json& json, const std::string& place);
Result<StatisticsFile> StatisticsFromJson(const Json& json, const std::string& place);

}  // namespace firn::table
