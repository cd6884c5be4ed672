#include "table/metadata/literal_array.h"

#include <arrow/buffer.h>
#include <arrow/scalar.h>
#include <arrow/type.h>
#include <arrow/util/decimal.h>

#include <cstring>
#include <type_traits>
#include <utility>
#include <variant>

#include "schema/arrow_mapping.h"

namespace firn::table {
namespace {

struct ToBytes {
  std::string operator()(std::monostate) const { return {}; }
  std::string operator()(const std::string& value) const { return value; }
  std::string operator()(bool value) const { return std::string(1, value ? '\1' : '\0'); }
  template <typename T>
  std::string operator()(T value) const {
    std::string bytes(sizeof(T), '\0');
    std::memcpy(bytes.data(), &value, sizeof(T));
    return bytes;
  }
};

struct ToScalar {
  const std::shared_ptr<arrow::DataType>& type;

  Result<std::shared_ptr<arrow::Scalar>> operator()(std::monostate) const { return arrow::MakeNullScalar(type); }
  Result<std::shared_ptr<arrow::Scalar>> operator()(Int128 value) const {
    const auto low = static_cast<uint64_t>(value);
    const auto high = static_cast<int64_t>(value >> 64);
    return arrow::MakeScalar(type, arrow::Decimal128(high, low));
  }
  Result<std::shared_ptr<arrow::Scalar>> operator()(const std::string& value) const {
    return arrow::MakeScalar(type, arrow::Buffer::FromString(value));
  }
  template <typename T>
  Result<std::shared_ptr<arrow::Scalar>> operator()(T value) const {
    return arrow::MakeScalar(type, value);
  }
};

}  // namespace

Result<std::shared_ptr<arrow::Scalar>> ScalarOf(const Literal& literal) {
  ARROW_RETURN_NOT_OK(Validate(literal));
  const auto type = schema::ToArrowType(*literal.type);
  return std::visit(ToScalar{type}, literal.value);
}

std::string ArrowBytes(const Literal& literal) {
  return std::visit(ToBytes{}, literal.value);
}

}  // namespace firn::table
