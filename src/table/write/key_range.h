#pragma once

#include <optional>
#include <string>
#include <vector>

#include <arrow/type_fwd.h>
#include "base/status.h"
#include "schema/type.h"
#include "table/manifest/data_file.h"
#include "table/write/bounds.h"

namespace firn::table {

/// The range of the new keys, column by column, to leave out live files. Float keys have none: NaN is in no bound, and
/// bounds tell -0.0 from 0.0 while keys do not.
class KeyRange {
 public:
  explicit KeyRange(const schema::Schema& key_schema) : schema_(key_schema) {}
  /// The key columns' types were promoted; bounds of all schemas are kept.
  Status SetSchema(const schema::Schema& key_schema);
  /// `keys`: the columns of the key schema.
  Status Add(const arrow::RecordBatch& keys, arrow::MemoryPool* pool);
  /// Ends collecting under the present schema. Before MayOverlap.
  Status Close();
  /// False only if no row of the file can have one of the keys.
  bool MayOverlap(const DataFile& file) const;

 private:
  bool ColumnMayOverlap(const schema::Field& field, const DataFile& file) const;

  schema::Schema schema_;
  std::optional<MetricsCollector> collector_;
  std::vector<ColumnMetrics> bounds_;
};

}  // namespace firn::table
