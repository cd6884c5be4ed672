#pragma once

#include <arrow/type_fwd.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "config/table_config.h"
#include "schema/type.h"

/// The columns that every row of a table gains when it is written (`system_columns`): firn's, or those of another
/// program whose tables were adopted, with the meaning they have there. docs/reference/system-columns.md.
namespace firn::pipeline {

/// Their fields without ids, in the order that program writes them.
std::vector<schema::Field> SystemFields(config::SystemColumns columns);

/// True for a column of that set.
bool IsSystemColumn(config::SystemColumns columns, std::string_view name);

/// The set that a table of these columns was made with: dlt and airbyte by their columns that no row lacks, else firn.
config::SystemColumns GuessSystemColumns(const schema::Schema& schema);

/// What is written into a batch.
struct SystemStamp {
  Timestamp loaded_at;  // when the run began
  const std::string& run_id;
};

/// Returns the values of one such column for `num_rows` rows. `field`: as the table has it, which may hold less or
/// otherwise than SystemFields (times without zone, _airbyte_meta as JSON text). Ids of rows are random.
/// Errors: kConfig E0951 for a type that cannot hold the value.
Result<std::shared_ptr<arrow::Array>> SystemValues(const arrow::Field& field, const SystemStamp& stamp,
                                                   int64_t num_rows, arrow::MemoryPool* pool);

/// Errors: kConfig E0951, naming the column, if the table's own columns of that set cannot hold what would be written.
Status CheckSystemColumns(config::SystemColumns columns, const schema::Schema& schema);

}  // namespace firn::pipeline
