#pragma once

#include <arrow/type_fwd.h>

#include <optional>
#include <string>

#include "base/clock.h"
#include "config/table_config.h"
#include "schema/type.h"

namespace firn::pipeline {

/// The newest value of a table's time column among the rows of one load: the column of `freshness`, else the
/// incremental cursor. Values more than an hour ahead of `now` are left out, as they are for the cursor. Used by one
/// thread.
class NewestTime {
 public:
  NewestTime(const config::TableConfig& table, Timestamp now);

  /// Looks at rows that were written but not committed. `schema`: of the table. A column that is not there, or holds no
  /// times, gives nothing.
  void Take(const arrow::RecordBatch& rows, const schema::Schema& schema);
  /// The rows taken so far are in the table.
  void Committed() { committed_ = taken_; }
  std::optional<Timestamp> committed() const { return committed_; }

 private:
  void Offer(int64_t micros);

  std::string path_;          // of the column; empty: none
  int64_t number_scale_ = 0;  // microseconds of a number's unit; 0: numbers are no times
  const Timestamp now_;
  std::optional<Timestamp> taken_;
  std::optional<Timestamp> committed_;
};

}  // namespace firn::pipeline
