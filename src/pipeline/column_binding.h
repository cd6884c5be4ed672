#pragma once

#include <arrow/type_fwd.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "config/project.h"
#include "pipeline/column_naming.h"
#include "schema/type.h"
#include "table/metadata/metadata.h"

namespace firn::pipeline {

/// Whether rows gain the columns that every loaded table has (system_columns.h: kAdded those of firn); a plain file has
/// none.
enum class RunColumns { kAdded, kNone, kDlt, kAirbyte };
RunColumns RunColumnsOf(config::SystemColumns columns);

/// Gives decoded columns, known by name, the field ids of their table, and lets the table's schema grow with them.
/// Used by one thread.
class ColumnBinding {
 public:
  /// `base`: the table's metadata, or null for a table to be created. Borrowed for the call.
  /// `naming`: how columns that the table does not have yet are called.
  /// `added`: further columns of the table, without ids, null in the batches of Apply.
  /// `chosen`: those that the configuration calls otherwise. `keys`: source keys of rows that occur once; in a new
  /// table their columns are required and its identifier, in an older one they stay as required as they are.
  explicit ColumnBinding(const table::TableMetadata* base, RunColumns run_columns = RunColumns::kAdded,
                         config::Naming naming = config::Naming::kSource, std::vector<schema::Field> added = {},
                         ChosenNames chosen = {}, std::vector<std::string> keys = {});

  /// Takes the schema of batches to come (ids ignored). The run columns are added to the table's schema.
  /// Errors: kContract when the table cannot hold it.
  Status Bind(const schema::Schema& decoded);

  /// Takes top-level columns out of the table: what is bound under their names next are other columns, with ids of
  /// their own. Of a table that exists.
  void Drop(const std::vector<std::string>& names);

  /// The table's schema with ids; null before the first Bind of a new table.
  const table::SchemaPtr& table_schema() const { return table_schema_; }
  /// The path of a decoded column ("Address.ZIP") as the table's columns are called ("address.zip"); itself if it is
  /// called the same or is not known.
  const std::string& NameOf(const std::string& decoded_path) const;
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
  std::vector<schema::Field> system_;  // of RunColumns
  config::Naming naming_;
  std::vector<schema::Field> added_;
  ChosenNames chosen_;
  std::vector<std::string> keys_;
  bool changed_ = false;
  table::SchemaPtr table_schema_;
  std::shared_ptr<arrow::Schema> batch_schema_;
  std::vector<std::string> changes_;
  std::map<std::string, std::string> names_;  // decoded path → path in the table, where they differ
};

/// Returns the columns of a table without the run columns and those `added`: what the decoder knows.
schema::Schema WithoutRunColumns(const schema::Schema& schema, const std::vector<schema::Field>& added = {});

}  // namespace firn::pipeline
