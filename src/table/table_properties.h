#pragma once

#include <map>
#include <string>

/// Properties that firn writes into the tables it creates, and their names (Iceberg documentation, "Table properties").
namespace firn::table {

inline constexpr char kPreviousVersionsMax[] = "write.metadata.previous-versions-max";
inline constexpr char kDeleteAfterCommit[] = "write.metadata.delete-after-commit.enabled";
inline constexpr char kMinSnapshotsToKeep[] = "history.expire.min-snapshots-to-keep";
inline constexpr char kMaxSnapshotAgeMs[] = "history.expire.max-snapshot-age-ms";

inline std::map<std::string, std::string> DefaultTableProperties() {
  return {
      {kPreviousVersionsMax, "100"},
      {kDeleteAfterCommit, "true"},
      {"write.format.default", "parquet"},
      {"write.parquet.compression-codec", "zstd"},
  };
}

}  // namespace firn::table
