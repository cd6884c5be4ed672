#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"
#include "table/metadata/metadata.h"

namespace firn::table {

/// Limits of what is read; beyond them kBadData.
inline constexpr int64_t kMetadataBytesMax = int64_t{256} << 20;
inline constexpr int kJsonDepthMax = 512;

/// Parses a table metadata file of format version 1, 2 or 3, plain or gzip'd (told by its first bytes).
/// `current-snapshot-id` -1, null and absent alike mean "no snapshot"; metadata without `refs` gets `main`.
/// Errors: kBadData naming the field; kConfig for a format version or a column type that this build cannot read.
Result<TableMetadata> ParseMetadata(std::string_view bytes);

/// Writes metadata as JSON in the format version it has. v1: with `schema` and `partition-spec`, for older readers;
/// firn itself makes no v1 tables and commits to none, a catalog server keeps them. `current-snapshot-id` is null in v3
/// and -1 before it when there is no snapshot. Errors: kBug for metadata whose ids do not hold together.
Result<std::string> WriteMetadata(const TableMetadata& metadata);

/// Compresses with gzip. The file's name then ends in ".gz.metadata.json" (never ".metadata.json.gz").
Result<std::string> GzipMetadata(std::string_view json);

}  // namespace firn::table
