#include "pipeline/delete_verdicts.h"

#include <arrow/array/array_primitive.h>
#include <arrow/array/builder_primitive.h>
#include <arrow/compute/api.h>
#include <arrow/record_batch.h>

#include <algorithm>

namespace firn::pipeline {
namespace {

Result<std::shared_ptr<arrow::RecordBatch>> Pick(const std::shared_ptr<arrow::RecordBatch>& batch,
                                                 arrow::Int64Builder* places, arrow::MemoryPool* pool) {
  if (places->length() == 0) return nullptr;
  ARROW_ASSIGN_OR_RAISE(const auto indices, places->Finish());
  arrow::compute::ExecContext context(pool);
  ARROW_ASSIGN_OR_RAISE(const auto picked,
                        arrow::compute::Take(arrow::Datum(batch), arrow::Datum(indices),
                                             arrow::compute::TakeOptions::NoBoundsCheck(), &context));
  return picked.record_batch();
}

}  // namespace

Result<std::shared_ptr<arrow::BooleanArray>> DeleteFlags(const std::vector<uint32_t>& rows,
                                                         const std::vector<uint32_t>& deleted,
                                                         arrow::MemoryPool* pool) {
  arrow::BooleanBuilder builder(pool);
  ARROW_RETURN_NOT_OK(builder.Reserve(static_cast<int64_t>(rows.size())));
  for (const uint32_t row : rows) builder.UnsafeAppend(std::binary_search(deleted.begin(), deleted.end(), row));
  std::shared_ptr<arrow::BooleanArray> flags;
  ARROW_RETURN_NOT_OK(builder.Finish(&flags));
  return flags;
}

Status CheckDecided(const source::JsonRows& rows, const std::string& where) {
  const bool any = !rows.undecided.empty() && !rows.rows.empty() && rows.undecided.front() <= rows.rows.back();
  if (!any) return Status::OK();
  return MakeError(
      Fault::kBadData, "record " + std::to_string(rows.undecided.front()) + " of its page: " + rows.undecided_why,
      {.code = "E0446",
       .where = where,
       .state = "nothing of it was written",
       .next = "write a comparison: delete_when: \"{{ record.deleted == 'yes' }}\", or on_error: quarantine"});
}

Result<DecidedRows> TakeOutUndecided(const std::shared_ptr<arrow::RecordBatch>& batch,
                                     const std::vector<uint32_t>& rows, const std::vector<uint32_t>& undecided,
                                     arrow::MemoryPool* pool) {
  if (undecided.empty()) return DecidedRows{.kept = batch, .rows = rows};
  DecidedRows out;
  arrow::Int64Builder kept(pool);
  arrow::Int64Builder taken(pool);
  for (size_t i = 0; i < rows.size(); ++i) {
    const bool out_of_it = std::binary_search(undecided.begin(), undecided.end(), rows[i]);
    ARROW_RETURN_NOT_OK((out_of_it ? taken : kept).Append(static_cast<int64_t>(i)));
    if (!out_of_it) out.rows.push_back(rows[i]);
  }
  ARROW_ASSIGN_OR_RAISE(out.kept, Pick(batch, &kept, pool));
  ARROW_ASSIGN_OR_RAISE(out.undecided, Pick(batch, &taken, pool));
  return out;
}

}  // namespace firn::pipeline
