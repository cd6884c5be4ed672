#include "table/maintenance/retype_values.h"

#include <arrow/array/array_base.h>
#include <arrow/array/builder_base.h>
#include <arrow/builder.h>
#include <arrow/scalar.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>

#include "schema/arrow_mapping.h"
#include "table/metadata/default_value.h"
#include "table/metadata/literal.h"
#include "table/metadata/literal_array.h"
#include "table/write/transform.h"

namespace firn::table {
namespace {

using Json = nlohmann::json;
using schema::TypeId;

bool IsNumber(const schema::Type& type) {
  return type.id == TypeId::kInt || type.id == TypeId::kLong || type.id == TypeId::kFloat ||
         type.id == TypeId::kDouble || type.id == TypeId::kDecimal;
}

bool IsFinite(const Literal& value) {
  if (const auto* number = std::get_if<double>(&value.value)) return std::isfinite(*number);
  if (const auto* number = std::get_if<float>(&value.value)) return std::isfinite(*number);
  return true;
}

bool IsNegativeZero(double number) {
  return number == 0 && std::signbit(number);
}

// What is between the quotes, or the number or word as it is.
std::string TextOf(const Literal& value) {
  const std::string json = WriteDefault(value);
  if (!json.starts_with('"')) return json;
  const Json tree = Json::parse(json, nullptr, /*allow_exceptions=*/false);
  return tree.is_string() ? tree.get<std::string>() : json;
}

std::string Quoted(const std::string& text) {
  return Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
}

// JSON numbers begin and end with what they are made of; a parser would skip blanks.
bool HasBlanks(const std::string& text) {
  return text.empty() || static_cast<unsigned char>(text.front()) <= ' ' ||
         static_cast<unsigned char>(text.back()) <= ' ';
}

// "3.0" is text of no integer, but the double is one.
std::string IntegerText(const Literal& value, std::string text) {
  const bool is_decimal = value.type->id == TypeId::kDecimal;
  if (const auto* number = std::get_if<double>(&value.value)) {
    constexpr double kEnd = 9223372036854775808.0;  // 2^63
    const bool fits = *number >= -kEnd && *number < kEnd && std::trunc(*number) == *number && !IsNegativeZero(*number);
    return fits ? std::to_string(static_cast<int64_t>(*number)) : text;
  }
  const size_t point = text.find('.');
  if (!is_decimal || point == std::string::npos || text.find_first_not_of('0', point + 1) != std::string::npos) {
    return text;
  }
  return text.substr(0, point);
}

std::optional<Literal> Converted(const Literal& value, const schema::TypePtr& type) {
  if (schema::Equals(*value.type, *type)) return value;
  const bool from_text = value.type->id == TypeId::kString;
  std::string text = from_text ? std::get<std::string>(value.value) : TextOf(value);
  if (type->id == TypeId::kInt || type->id == TypeId::kLong) text = IntegerText(value, std::move(text));
  if (type->id == TypeId::kFloat && value.type->id == TypeId::kDouble) return std::nullopt;
  if (type->id == TypeId::kDouble && value.type->id == TypeId::kFloat) {
    return Literal{.type = type, .value = double{std::get<float>(value.value)}};
  }
  if (!IsFinite(value)) return std::nullopt;
  if (type->id == TypeId::kString) return Literal{.type = type, .value = text};
  const bool plain = IsNumber(*type) || type->id == TypeId::kBoolean;
  if (plain && (HasBlanks(text) || value.type->id == TypeId::kBoolean)) return std::nullopt;
  if (IsNumber(*type) && !from_text && !IsNumber(*value.type)) return std::nullopt;
  if (!plain && (IsNumber(*value.type) || value.type->id == TypeId::kBoolean)) return std::nullopt;
  auto parsed = ParseDefault(type, plain ? text : Quoted(text));
  if (!parsed.ok() || parsed->is_null()) return std::nullopt;
  return *std::move(parsed);
}

std::string Shown(const Literal& value) {
  constexpr size_t kShown = 80;
  std::string text = ToString(value);
  return text.size() <= kShown ? text : text.substr(0, kShown) + "…";
}

class Retyper {
 public:
  Retyper(const std::vector<RetypedColumn>& columns, const std::vector<std::shared_ptr<arrow::Array>>& values,
          const schema::TypePtr& type, RetypeMisfit* misfit)
      : columns_(columns), values_(values), type_(type), misfit_(misfit) {}

  Status AppendRow(int64_t row, arrow::ArrayBuilder& out) {
    std::optional<size_t> found;
    for (size_t i = 0; i < values_.size(); ++i) {
      if (values_[i]->IsNull(row)) continue;
      if (found) return Misfit(i, row, "the row has a value in " + columns_[*found].name + ", too", "");
      found = i;
    }
    if (!found) return out.AppendNull();
    const RetypedColumn& column = columns_[*found];
    if (!column.type->is_primitive()) {
      return Misfit(*found, row, "it is a " + schema::ToString(*column.type), "");
    }
    const Literal value = LiteralAt(*values_[*found], column.type, row);
    if (column.json) return Misfit(*found, row, "it is JSON", Shown(value));
    const auto converted = Converted(value, type_);
    if (!converted) return Misfit(*found, row, "it is no " + schema::ToString(*type_), Shown(value));
    ARROW_ASSIGN_OR_RAISE(const auto scalar, ScalarOf(*converted));
    return out.AppendScalar(*scalar);
  }

 private:
  Status Misfit(size_t column, int64_t row, std::string why, std::string value) {
    *misfit_ = {.column = columns_[column].name, .row = row, .why = std::move(why), .value = std::move(value)};
    return MakeError(Fault::kContract, "a value does not fit");
  }

  const std::vector<RetypedColumn>& columns_;
  const std::vector<std::shared_ptr<arrow::Array>>& values_;
  const schema::TypePtr& type_;
  RetypeMisfit* misfit_;
};

}  // namespace

Result<std::shared_ptr<arrow::Array>> Retype(const std::vector<RetypedColumn>& columns,
                                             const std::vector<std::shared_ptr<arrow::Array>>& values,
                                             const schema::TypePtr& type, arrow::MemoryPool* pool,
                                             RetypeMisfit* misfit) {
  FIRN_CHECK(!columns.empty() && columns.size() == values.size());
  ARROW_ASSIGN_OR_RAISE(const auto builder, arrow::MakeBuilder(schema::ToArrowType(*type), pool));
  const int64_t num_rows = values.front()->length();
  ARROW_RETURN_NOT_OK(builder->Reserve(num_rows));
  Retyper retyper(columns, values, type, misfit);
  for (int64_t row = 0; row < num_rows; ++row) ARROW_RETURN_NOT_OK(retyper.AppendRow(row, *builder));
  return builder->Finish();
}

}  // namespace firn::table
