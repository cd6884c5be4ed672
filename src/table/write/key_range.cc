#include "table/write/key_range.h"

#include <algorithm>
#include <utility>

#include "table/metadata/literal.h"

namespace firn::table {

namespace {

bool Before(const schema::TypePtr& type, const std::string& a, const std::string& b) {
  const auto left = FromSingleValue(type, a);
  const auto right = FromSingleValue(type, b);
  return left.ok() && right.ok() && Compare(*left, *right) < 0;
}

}  // namespace

Status KeyRange::SetSchema(const schema::Schema& key_schema) {
  ARROW_RETURN_NOT_OK(Close());
  schema_ = key_schema;
  return Status::OK();
}

Status KeyRange::Add(const arrow::RecordBatch& keys, arrow::MemoryPool* pool) {
  if (!collector_) {
    ARROW_ASSIGN_OR_RAISE(collector_, MetricsCollector::Make(schema_, {.columns_max = 1'000'000}));
  }
  return collector_->Add(keys, pool);
}

Status KeyRange::Close() {
  if (!collector_) return Status::OK();
  for (ColumnMetrics& metrics : collector_->Finish()) bounds_.push_back(std::move(metrics));
  collector_.reset();
  return Status::OK();
}

bool KeyRange::MayOverlap(const DataFile& file) const {
  return std::all_of(schema_.fields.begin(), schema_.fields.end(),
                     [&](const schema::Field& field) { return ColumnMayOverlap(field, file); });
}

bool KeyRange::ColumnMayOverlap(const schema::Field& field, const DataFile& file) const {
  using schema::TypeId;
  if (field.type->id == TypeId::kFloat || field.type->id == TypeId::kDouble || field.type->id == TypeId::kUuid) {
    return true;
  }
  const auto lower = file.lower_bounds.find(field.id);
  const auto upper = file.upper_bounds.find(field.id);
  for (const ColumnMetrics& metrics : bounds_) {
    if (metrics.field_id != field.id || metrics.null_count == metrics.value_count) continue;
    const bool below =
        upper != file.upper_bounds.end() && metrics.lower && Before(field.type, upper->second, *metrics.lower);
    const bool above =
        lower != file.lower_bounds.end() && metrics.upper && Before(field.type, *metrics.upper, lower->second);
    if (!below && !above) return true;
  }
  return false;
}

}  // namespace firn::table
