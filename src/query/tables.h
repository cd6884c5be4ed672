#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "catalog/catalog.h"
#include "table/metadata/metadata.h"

/// What the commands `tables`, `history` and `table metadata` show. Reads metadata files alone: no manifest, no data.
namespace firn::query {

struct TableInfo {
  catalog::TableIdentifier identifier;
  std::optional<int64_t> num_rows;    // of the current snapshot's summary; nullopt if the writer did not say
  std::optional<int64_t> data_bytes;  // the same
  std::optional<int64_t> data_files;  // the same
  int64_t num_columns = 0;            // top level
  int64_t num_snapshots = 0;
  int32_t format_version = 0;
  std::optional<Timestamp> last_snapshot;  // nullopt: never written
  std::string metadata_location;
  Status error;  // not ok: the table's metadata cannot be read; then only the identifier is set
};

/// Lists all tables of a catalog, sorted. A table that cannot be read is listed with its error.
Result<std::vector<TableInfo>> ListTables(catalog::Catalog& catalog);

/// Lists all views of a catalog, sorted: names alone.
Result<std::vector<catalog::TableIdentifier>> ListViews(catalog::Catalog& catalog);

struct SnapshotInfo {
  table::SnapshotId snapshot_id;
  std::optional<table::SnapshotId> parent_snapshot_id;
  Timestamp time;
  std::string operation;              // append | overwrite | replace | delete
  std::optional<int64_t> added_rows;  // of the summary, where the writer said so
  std::optional<int64_t> deleted_rows;
  std::optional<int64_t> total_rows;
  std::optional<int64_t> added_files;
  int32_t schema_id = 0;
  std::vector<std::string> refs;  // branches and tags that point here; "main" is the current one
  bool is_current = false;
  bool on_main = false;  // an ancestor of the current snapshot (or it itself)
  std::string run_id;    // of the firn run that wrote it; empty if another writer did
};

/// Lists a table's snapshots, newest first.
std::vector<SnapshotInfo> History(const table::TableMetadata& metadata);

/// Finds a table by what a person typed: "shop.orders", "orders" if only one namespace has it, quoted parts allowed;
/// exact names first, then without regard to case. Errors: kConfig E0704 with did-you-mean and the list of tables,
/// E0709 if it is a view.
Result<catalog::TableIdentifier> ResolveTable(catalog::Catalog& catalog, std::string_view name);

/// The same for a name in parts: {"shop", "orders"}.
Result<catalog::TableIdentifier> ResolveParts(catalog::Catalog& catalog, const std::vector<std::string>& parts);

/// ResolveTable and LoadTable. `loaded.metadata_location` is what `table metadata TABLE` prints.
Result<catalog::LoadedTable> LoadNamedTable(catalog::Catalog& catalog, std::string_view name);

/// Splits "a.b.c" at dots outside double quotes, where "" is a quote. Errors: kConfig for an empty part.
Result<std::vector<std::string>> SplitName(std::string_view name);

/// Chooses snapshots for people: `text` is a snapshot id, a branch or tag, or a time (RFC 3339 or a date).
/// Errors: kConfig E0706.
Result<const table::Snapshot*> FindSnapshotByText(const table::TableMetadata& metadata, std::string_view text);

/// Reads a time as people type it: RFC 3339, or a date, which is its first moment in UTC. Errors: kConfig E0706.
Result<Timestamp> ParseTime(std::string_view text);

/// The snapshot that was current at such a time. Errors: kConfig E0706.
Result<const table::Snapshot*> FindSnapshotByTime(const table::TableMetadata& metadata, std::string_view text);

/// The snapshot that was current at a time, by the snapshot log, else by ancestry. Null if the table had none yet.
const table::Snapshot* SnapshotAsOf(const table::TableMetadata& metadata, Timestamp time);

}  // namespace firn::query
