#pragma once

#include <cstdint>
#include <vector>

#include <arrow/type_fwd.h>
#include "base/status.h"
#include "schema/type.h"
#include "table/index/key_hash.h"
#include "table/write/merge_strategy.h"
#include "table/write/retire_scope.h"

namespace firn::table {

/// Turns batches into the rows a strategy sees. A value; used by one thread.
///
/// Content is hashed over the tracked columns that are not null, each with its field id, in canonical form at every
/// depth: a column that is new, or that the load does not have, changes no hash while it is null.
class KeyedRowReader {
 public:
  /// `key`: field ids, may be empty: then no hash is filled in. `columns`: of the strategy. `scope`: rows of its range
  /// get kInScope; of another kind none does. Errors: as KeySchema; kBug
  /// for a column the schema lacks.
  static Result<KeyedRowReader> Make(const schema::Schema& table, const std::vector<int32_t>& key,
                                     const MergeStrategy::Columns& columns, const MergeStrategy& strategy,
                                     const RetireScope& scope = {});

  /// The columns it reads: those of the key first, all optional.
  const schema::Schema& schema() const { return schema_; }

  struct Rows {
    std::vector<KeyedRow> rows;  // hash, content, order and end; the rest is the caller's
    std::vector<bool> null_key;  // empty: all rows have a key
  };
  /// `batch`: of schema(), further columns at the end are ignored.
  Rows Read(const arrow::RecordBatch& batch, const index::HashSecret* secret) const;

 private:
  void HashContents(const arrow::RecordBatch& batch, std::vector<KeyedRow>* rows) const;

  schema::Schema schema_;
  int num_key_columns_ = 0;
  int order_ = -1;  // indexes into schema_
  int end_ = -1;
  int range_ = -1;
  RetireScope scope_;
  std::vector<int> content_;
};

}  // namespace firn::table
