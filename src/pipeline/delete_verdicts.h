#pragma once

#include <arrow/type_fwd.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "source/source.h"

namespace firn::pipeline {

/// Returns for each of `rows` whether it is among `deleted`; both page records, ascending.
Result<std::shared_ptr<arrow::BooleanArray>> DeleteFlags(const std::vector<uint32_t>& rows,
                                                         const std::vector<uint32_t>& deleted, arrow::MemoryPool* pool);

/// Refuses rows that `delete_when` could not decide on. `where`: of the setting. Errors: kBadData E0446.
Status CheckDecided(const source::JsonRows& rows, const std::string& where);

/// A batch of which the rows that `delete_when` could not decide on were taken out. Null batches where there are none.
struct DecidedRows {
  std::shared_ptr<arrow::RecordBatch> kept;
  std::shared_ptr<arrow::RecordBatch> undecided;
  std::vector<uint32_t> rows;  // page records of `kept`
};

/// `rows`: page records of the batch, ascending. `undecided`: page records, ascending.
Result<DecidedRows> TakeOutUndecided(const std::shared_ptr<arrow::RecordBatch>& batch,
                                     const std::vector<uint32_t>& rows, const std::vector<uint32_t>& undecided,
                                     arrow::MemoryPool* pool);

}  // namespace firn::pipeline
