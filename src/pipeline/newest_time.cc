#include "pipeline/newest_time.h"

#include <arrow/array/array_binary.h>
#include <arrow/array/array_nested.h>
#include <arrow/array/array_primitive.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <string_view>

#include "pipeline/column_naming.h"

namespace firn::pipeline {
namespace {

constexpr int64_t kAheadMaxMicros = int64_t{3'600} * 1'000'000;
constexpr int64_t kDayMicros = int64_t{86'400} * 1'000'000;

// The values of a path: a column of that name, or a field inside of one. Null if there is none.
std::shared_ptr<arrow::Array> ColumnAt(const arrow::RecordBatch& rows, const schema::Schema& schema,
                                       const std::string& path) {
  if (const schema::Field* column = ColumnOfKey(schema, path)) return rows.GetColumnByName(column->name);
  const size_t dot = path.find('.');
  if (dot == std::string::npos) return nullptr;
  const schema::Field* outer = ColumnOfKey(schema, path.substr(0, dot));
  std::shared_ptr<arrow::Array> array = outer == nullptr ? nullptr : rows.GetColumnByName(outer->name);
  std::string_view rest = std::string_view(path).substr(dot + 1);
  while (array != nullptr) {
    if (array->type_id() != arrow::Type::STRUCT) return nullptr;
    const auto& parent = static_cast<const arrow::StructArray&>(*array);
    const std::string_view name = rest.substr(0, rest.find('.'));
    const int index = static_cast<const arrow::StructType&>(*parent.type()).GetFieldIndex(std::string(name));
    if (index < 0) return nullptr;
    auto child = parent.GetFlattenedField(index);
    array = child.ok() ? *child : nullptr;
    if (name.size() == rest.size()) return array;
    rest.remove_prefix(name.size() + 1);
  }
  return nullptr;
}

// Calls `offer` with each value in microseconds; values beyond what microseconds can say are left out.
template <typename Array, typename Offer>
void EachInMicros(const arrow::Array& values, int64_t scale, int64_t divisor, Offer offer) {
  const auto& typed = static_cast<const Array&>(values);
  const int64_t most = std::numeric_limits<int64_t>::max() / std::max<int64_t>(scale, 1);
  for (int64_t i = 0; i < typed.length(); ++i) {
    if (typed.IsNull(i)) continue;
    const int64_t value = typed.Value(i);
    if (value <= most && value >= -most) offer(value * scale / divisor);
  }
}

std::string_view LargestText(const arrow::StringArray& values) {
  std::string_view largest;
  for (int64_t i = 0; i < values.length(); ++i) {
    if (!values.IsNull(i)) largest = std::max<std::string_view>(largest, values.GetView(i));
  }
  return largest;
}

}  // namespace

NewestTime::NewestTime(const config::TableConfig& table, Timestamp now) : now_(now) {
  const auto& freshness = table.watch.freshness;
  if (table.incremental) path_ = table.incremental->cursor;
  if (freshness && !freshness->column.empty()) path_ = freshness->column;
  const config::ColumnConfig* column = table.FindColumn(path_);
  const std::string format = column == nullptr ? "" : column->format;
  const bool is_cursor = table.incremental && table.incremental->cursor == path_;
  const auto cursor_format = is_cursor ? table.incremental->format : config::CursorFormat::kIso;
  if (format == "epoch_s" || cursor_format == config::CursorFormat::kEpochSeconds) number_scale_ = 1'000'000;
  if (format == "epoch_ms" || cursor_format == config::CursorFormat::kEpochMillis) number_scale_ = 1'000;
}

void NewestTime::Offer(int64_t micros) {
  if (micros > now_.micros + kAheadMaxMicros) return;
  if (!taken_ || micros > taken_->micros) taken_ = Timestamp{.micros = micros};
}

void NewestTime::Take(const arrow::RecordBatch& rows, const schema::Schema& schema) {
  if (path_.empty()) return;
  const auto values = ColumnAt(rows, schema, path_);
  if (values == nullptr) return;
  const auto offer = [this](int64_t micros) { Offer(micros); };
  switch (values->type_id()) {
    case arrow::Type::TIMESTAMP: {
      const auto unit = static_cast<const arrow::TimestampType&>(*values->type()).unit();
      const int64_t scale = unit == arrow::TimeUnit::SECOND ? 1'000'000 : unit == arrow::TimeUnit::MILLI ? 1'000 : 1;
      return EachInMicros<arrow::TimestampArray>(*values, scale, unit == arrow::TimeUnit::NANO ? 1'000 : 1, offer);
    }
    case arrow::Type::DATE32:
      return EachInMicros<arrow::Date32Array>(*values, kDayMicros, 1, offer);
    case arrow::Type::INT64:
      if (number_scale_ > 0) EachInMicros<arrow::Int64Array>(*values, number_scale_, 1, offer);
      return;
    case arrow::Type::INT32:
      if (number_scale_ > 0) EachInMicros<arrow::Int32Array>(*values, number_scale_, 1, offer);
      return;
    case arrow::Type::STRING: {
      const std::string_view text = LargestText(static_cast<const arrow::StringArray&>(*values));
      const bool date_alone = text.size() == 10;
      const auto time = ParseTimestamp(std::string(text) + (date_alone ? "T00:00:00Z" : ""));
      if (time.ok()) Offer(time->micros);
      return;
    }
    default:
      return;
  }
}

}  // namespace firn::pipeline
