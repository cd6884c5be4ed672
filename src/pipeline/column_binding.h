#pragma once

#include <arrow/type_fwd.h>

#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "schema/type.h"
#include "table/metadata/metadata.h"

namespace firn::pipeline {

/// Whether rows gain the columns that every loaded table has (run_columns.h); a plain file has none.
enum class RunColumns { kAdded, kNone };

/// Gives decoded columns, known by name, the field ids of their table, and lets the table's schema grow with them.
/// Used by one thread.
class ColumnBinding {
 public:
  /// `base`: the table's metadata, or null for a table to be created. Borrowed for the call.
  explicit ColumnBinding(const table::TableMetadata* base, RunColumns run_columns = RunColumns::kAdded);

  /// Takes the schema of batches to come (ids ignored). The run columns are added to the table's schema.
  /// Errors: kContract when the table cannot hold it.
  Status Bind(const schema::Schema& decoded);

  /// The table's schema with ids; null before the first Bind of a new table.
  const table::SchemaPtr& table_schema() const { return table_schema_; }
  /// True once the schema differs from `base`'s (always for a new table).
  bool changed() const { return changed_; }
  /// "+ column coupon string", in the order they came; emptied by the call.
  std::vector<std::string> TakeChanges();

  /// Returns the batch with the run columns and with field ids in its Arrow schema. `batch` must be of the schema last
  /// bound.
  Result<std::shared_ptr<arrow::RecordBatch>> Apply(const arrow::RecordBatch& batch, Timestamp loaded_at,
                                                    const std::string& run_id, arrow::MemoryPool* pool) const;

 private:
  table::TableMetadata shape_;  // only what EvolveSchema looks at
  bool is_new_;
  RunColumns run_columns_;
  bool changed_ = false;
  table::SchemaPtr table_schema_;
  std::shared_ptr<arrow::Schema> batch_schema_;
  std::vector<std::string> changes_;
};

/// Returns the columns of a table without the run columns: what the decoder knows.
schema::Schema WithoutRunColumns(const schema::Schema& schema);

}  // namespace firn::pipeline
