#include "table/write/order_value.h"

#include <arrow/array.h>
#include <arrow/array/builder_base.h>
#include <arrow/builder.h>
#include <arrow/scalar.h>
#include <arrow/type.h>
#include <arrow/util/decimal.h>

#include <bit>
#include <cmath>
#include <limits>

namespace firn::table {

namespace {

constexpr int64_t kDayMicros = int64_t{86'400} * 1'000'000;
constexpr int32_t kDecimalDigitsMax = 18;

int64_t OrderOfDouble(double value) {
  if (std::isnan(value)) return std::numeric_limits<int64_t>::max();
  if (value == 0) value = 0;  // -0.0 too
  const auto bits = std::bit_cast<int64_t>(value);
  return bits < 0 ? std::numeric_limits<int64_t>::min() - bits : bits;
}

double DoubleOf(int64_t order) {
  if (order == std::numeric_limits<int64_t>::max()) return std::numeric_limits<double>::quiet_NaN();
  return std::bit_cast<double>(order < 0 ? std::numeric_limits<int64_t>::min() - order : order);
}

Result<std::shared_ptr<arrow::Scalar>> ScalarOf(const std::shared_ptr<arrow::DataType>& type, int64_t order) {
  switch (type->id()) {
    case arrow::Type::INT32:
      return std::make_shared<arrow::Int32Scalar>(static_cast<int32_t>(order));
    case arrow::Type::DATE32:
      return std::make_shared<arrow::Date32Scalar>(static_cast<int32_t>(order / kDayMicros));
    case arrow::Type::FLOAT:
      return std::make_shared<arrow::FloatScalar>(static_cast<float>(DoubleOf(order)));
    case arrow::Type::DOUBLE:
      return std::make_shared<arrow::DoubleScalar>(DoubleOf(order));
    case arrow::Type::DECIMAL128:
      return std::make_shared<arrow::Decimal128Scalar>(arrow::Decimal128(order), type);
    default:
      return arrow::MakeScalar(type, order);
  }
}

}  // namespace

bool IsOrderable(const schema::Type& type) {
  switch (type.id) {
    case schema::TypeId::kInt:
    case schema::TypeId::kLong:
    case schema::TypeId::kFloat:
    case schema::TypeId::kDouble:
    case schema::TypeId::kTime:
      return true;
    case schema::TypeId::kDecimal:
      return type.precision <= kDecimalDigitsMax;
    default:
      return IsInstant(type);
  }
}

bool IsInstant(const schema::Type& type) {
  return type.id == schema::TypeId::kDate || type.id == schema::TypeId::kTimestamp ||
         type.id == schema::TypeId::kTimestampTz;
}

std::optional<int64_t> OrderOf(const arrow::Array& values, int64_t row) {
  if (values.IsNull(row)) return std::nullopt;
  switch (values.type_id()) {
    case arrow::Type::INT32:
      return values.data()->GetValues<int32_t>(1)[row];
    case arrow::Type::DATE32:
      return values.data()->GetValues<int32_t>(1)[row] * kDayMicros;
    case arrow::Type::FLOAT:
      return OrderOfDouble(static_cast<const arrow::FloatArray&>(values).Value(row));
    case arrow::Type::DOUBLE:
      return OrderOfDouble(static_cast<const arrow::DoubleArray&>(values).Value(row));
    case arrow::Type::DECIMAL128:
      return static_cast<int64_t>(
          arrow::Decimal128(static_cast<const arrow::Decimal128Array&>(values).GetValue(row)).low_bits());
    default:
      return values.data()->GetValues<int64_t>(1)[row];
  }
}

Result<std::shared_ptr<arrow::Array>> WithOrders(const arrow::Array& values,
                                                 std::span<const std::optional<int64_t>> orders,
                                                 arrow::MemoryPool* pool) {
  FIRN_CHECK(static_cast<size_t>(values.length()) == orders.size());
  std::unique_ptr<arrow::ArrayBuilder> builder;
  ARROW_RETURN_NOT_OK(arrow::MakeBuilder(pool, values.type(), &builder));
  ARROW_RETURN_NOT_OK(builder->Reserve(values.length()));
  const arrow::ArraySpan span(*values.data());
  for (int64_t row = 0; row < values.length(); ++row) {
    if (const auto order = orders[static_cast<size_t>(row)]) {
      ARROW_ASSIGN_OR_RAISE(const auto scalar, ScalarOf(values.type(), *order));
      ARROW_RETURN_NOT_OK(builder->AppendScalar(*scalar));
    } else {
      ARROW_RETURN_NOT_OK(builder->AppendArraySlice(span, row, 1));
    }
  }
  return builder->Finish();
}

Result<const schema::Field*> TopLevelField(const schema::Schema& schema, int32_t field_id) {
  for (const schema::Field& field : schema.fields) {
    if (field.id == field_id) return &field;
  }
  return MakeError(Fault::kBug, "merge: no top-level column has the id " + std::to_string(field_id));
}

}  // namespace firn::table
