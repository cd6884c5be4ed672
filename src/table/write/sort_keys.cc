#include "table/write/sort_keys.h"

#include <arrow/array/array_binary.h>
#include <arrow/array/array_decimal.h>
#include <arrow/array/array_primitive.h>
#include <arrow/record_batch.h>
#include <arrow/util/decimal.h>

#include <algorithm>
#include <bit>
#include <utility>

#include "table/write/transform.h"

namespace firn::table {
namespace {

constexpr size_t kRanges = 4096;  // of a z-ordered column
constexpr int kRankBits = 12;     // of 4,096 ranges
constexpr int64_t kSampleRows = 50'000;

bool HasOneOrder(const schema::Type& type) {
  return type.id != schema::TypeId::kUuid && !type.is_nested();
}

bool IsSortable(const schema::Schema& schema, int32_t source_id, const Transform& transform) {
  const auto column = std::ranges::find(schema.fields, source_id, &schema::Field::id);
  if (column == schema.fields.end() || column->type->is_nested()) return false;
  if (transform.kind == Transform::Kind::kUnknown) return false;
  const auto result = ResultType(transform, column->type);
  return result.ok() && HasOneOrder(**result);
}

template <typename T>
void AppendBigEndian(T value, std::string& out) {
  for (int shift = 8 * (static_cast<int>(sizeof(T)) - 1); shift >= 0; shift -= 8) {
    out.push_back(static_cast<char>(static_cast<uint8_t>(value >> shift)));
  }
}

// No key is the beginning of another: zero bytes are marked, and two zeros end the text.
void AppendText(std::string_view text, std::string& out) {
  for (const char c : text) {
    out.push_back(c);
    if (c == '\0') out.push_back('\xFF');
  }
  out.append(2, '\0');
}

void AppendInt(int64_t value, std::string& out) {
  AppendBigEndian(static_cast<uint64_t>(value) ^ (uint64_t{1} << 63), out);
}

// A negative number has all bits turned, another its sign alone.
template <typename Bits>
void AppendFloat(Bits bits, std::string& out) {
  constexpr Bits kSign = Bits{1} << (8 * sizeof(Bits) - 1);
  AppendBigEndian((bits & kSign) != 0 ? static_cast<Bits>(~bits) : static_cast<Bits>(bits | kSign), out);
}

Status AppendValue(const arrow::Array& column, int64_t row, std::string& out) {
  switch (column.type_id()) {
    case arrow::Type::BOOL:
      out.push_back(static_cast<const arrow::BooleanArray&>(column).Value(row) ? '\1' : '\0');
      return Status::OK();
    case arrow::Type::INT32:
    case arrow::Type::DATE32:
      AppendInt(column.data()->GetValues<int32_t>(1)[row], out);
      return Status::OK();
    case arrow::Type::INT64:
    case arrow::Type::TIME64:
    case arrow::Type::TIMESTAMP:
      AppendInt(column.data()->GetValues<int64_t>(1)[row], out);
      return Status::OK();
    case arrow::Type::FLOAT:
      AppendFloat(std::bit_cast<uint32_t>(static_cast<const arrow::FloatArray&>(column).Value(row)), out);
      return Status::OK();
    case arrow::Type::DOUBLE:
      AppendFloat(std::bit_cast<uint64_t>(static_cast<const arrow::DoubleArray&>(column).Value(row)), out);
      return Status::OK();
    case arrow::Type::STRING:
    case arrow::Type::BINARY:
      AppendText(static_cast<const arrow::BinaryArray&>(column).GetView(row), out);
      return Status::OK();
    case arrow::Type::LARGE_STRING:
    case arrow::Type::LARGE_BINARY:
      AppendText(static_cast<const arrow::LargeBinaryArray&>(column).GetView(row), out);
      return Status::OK();
    case arrow::Type::FIXED_SIZE_BINARY:
      out.append(static_cast<const arrow::FixedSizeBinaryArray&>(column).GetView(row));
      return Status::OK();
    case arrow::Type::DECIMAL128: {
      const arrow::Decimal128 value(static_cast<const arrow::Decimal128Array&>(column).GetValue(row));
      AppendInt(value.high_bits(), out);
      AppendBigEndian(value.low_bits(), out);
      return Status::OK();
    }
    default:
      return MakeError(Fault::kBug, "rows cannot be sorted by a column of type " + column.type()->ToString());
  }
}

// Spreads the ranks' bits, the highest of all columns first.
void AppendBits(const std::vector<uint32_t>& ranks, std::string& out) {
  uint8_t byte = 0;
  int num_bits = 0;
  for (int bit = kRankBits - 1; bit >= 0; --bit) {
    for (const uint32_t rank : ranks) {
      byte = static_cast<uint8_t>(byte << 1 | ((rank >> bit) & 1));
      if (++num_bits % 8 == 0) out.push_back(static_cast<char>(byte));
    }
  }
  if (num_bits % 8 != 0) out.push_back(static_cast<char>(byte << (8 - num_bits % 8)));
}

}  // namespace

bool CanSort(const RowOrder& order, const schema::Schema& schema) {
  if (!order.sorts()) return false;
  const auto sortable = [&](int32_t id) { return IsSortable(schema, id, {}); };
  return std::ranges::all_of(order.zorder, sortable) &&
         std::ranges::all_of(order.order.fields, [&](const SortField& field) {
           return IsSortable(schema, field.source_id, field.transform);
         });
}

SortKeys::SortKeys(RowOrder order, const schema::Schema& schema) : order_(std::move(order)) {
  const auto add = [&](const SortField& field) {
    const auto column = std::ranges::find(schema.fields, field.source_id, &schema::Field::id);
    FIRN_CHECK(column != schema.fields.end());
    keys_.push_back({.column = static_cast<int>(column - schema.fields.begin()),
                     .type = column->type,
                     .transform = field.transform,
                     .ascending = field.ascending,
                     .nulls_first = field.nulls_first});
  };
  for (const SortField& field : order_.order.fields) add(field);
  for (const int32_t id : order_.zorder) add({.source_id = id});
}

Result<SortKeys::Columns> SortKeys::Transformed(const arrow::RecordBatch& rows, arrow::MemoryPool* pool) const {
  Columns columns;
  for (const Key& key : keys_) {
    std::shared_ptr<arrow::Array> column = rows.column(key.column);
    if (key.transform.kind != Transform::Kind::kIdentity) {
      ARROW_ASSIGN_OR_RAISE(column, ApplyTransform(key.transform, key.type, column, pool));
    }
    columns.push_back(std::move(column));
  }
  return columns;
}

Status SortKeys::Learn(const arrow::RecordBatch& sample, const schema::Schema& schema, arrow::MemoryPool* pool) {
  if (has_learned()) return Status::OK();
  ARROW_ASSIGN_OR_RAISE(const Columns columns, SortKeys(order_, schema).Transformed(sample, pool));
  return LearnFrom(columns);
}

Status SortKeys::LearnFrom(const Columns& columns) {
  if (has_learned()) return Status::OK();
  const int64_t num_rows = columns.front()->length();
  const int64_t stride = std::max<int64_t>(1, num_rows / kSampleRows);
  for (const auto& column : columns) {
    std::vector<std::string> values;
    for (int64_t row = 0; row < num_rows; row += stride) {
      if (column->IsNull(row)) continue;
      ARROW_RETURN_NOT_OK(AppendValue(*column, row, values.emplace_back()));
    }
    std::ranges::sort(values);
    std::vector<std::string>& bounds = bounds_.emplace_back();
    for (size_t i = 1; i < kRanges - 1 && !values.empty(); ++i) {
      const std::string& value = values[i * values.size() / kRanges];
      if (bounds.empty() || value != bounds.back()) bounds.push_back(value);
    }
  }
  return Status::OK();
}

// Nulls are rank 0. Few distinct values are spread over all bits, as many are: else they would weigh less.
Status SortKeys::AppendInterleaved(const Columns& columns, int64_t row, std::string& scratch, std::string& out) const {
  std::vector<uint32_t> ranks(columns.size(), 0);
  for (size_t i = 0; i < columns.size(); ++i) {
    if (columns[i]->IsNull(row)) continue;
    scratch.clear();
    ARROW_RETURN_NOT_OK(AppendValue(*columns[i], row, scratch));
    const auto range = std::ranges::upper_bound(bounds_[i], scratch) - bounds_[i].begin();
    const auto num_ranges = static_cast<uint64_t>(bounds_[i].size()) + 2;  // with that of nulls
    ranks[i] = static_cast<uint32_t>((static_cast<uint64_t>(range) + 1) * kRanges / num_ranges);
  }
  AppendBits(ranks, out);
  return Status::OK();
}

Result<KeyBytes> SortKeys::Make(const arrow::RecordBatch& rows, arrow::MemoryPool* pool) {
  ARROW_ASSIGN_OR_RAISE(const Columns columns, Transformed(rows, pool));
  ARROW_RETURN_NOT_OK(LearnFrom(columns));
  KeyBytes keys;
  keys.Reserve(static_cast<size_t>(rows.num_rows()));
  std::string& out = keys.bytes();
  std::string scratch;
  for (int64_t row = 0; row < rows.num_rows(); ++row) {
    if (!order_.zorder.empty()) ARROW_RETURN_NOT_OK(AppendInterleaved(columns, row, scratch, out));
    for (size_t i = 0; i < keys_.size(); ++i) {  // rows of one cell of the z-order by their values
      const bool null = columns[i]->IsNull(row);
      out.push_back(null == keys_[i].nulls_first ? '\0' : '\1');
      if (null) continue;
      const size_t begin = out.size();
      ARROW_RETURN_NOT_OK(AppendValue(*columns[i], row, out));
      for (size_t at = begin; !keys_[i].ascending && at < out.size(); ++at) out[at] = static_cast<char>(~out[at]);
    }
    keys.EndKey();
  }
  return keys;
}

}  // namespace firn::table
