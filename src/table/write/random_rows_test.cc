#include <arrow/array.h>
#include <arrow/array/builder_base.h>
#include <arrow/array/builder_binary.h>
#include <arrow/array/builder_decimal.h>
#include <arrow/array/builder_nested.h>
#include <arrow/array/builder_primitive.h>
#include <arrow/array/builder_time.h>
#include <arrow/builder.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>

#include "schema/arrow_mapping.h"
#include "table/write/random_rows_test_support.h"

namespace firn::table::testing {

namespace {

using schema::TypeId;

template <typename T>
T Pick(std::mt19937_64& random, std::initializer_list<T> special, T usual) {
  const size_t index = random() % (special.size() * 4);
  return index < special.size() ? *(special.begin() + index) : usual;
}

std::string RandomText(std::mt19937_64& random) {
  static const char* const kPieces[] = {"a",
                                        "Z",
                                        "0",
                                        "\xC3\xA9",
                                        "\xE2\x82\xAC",
                                        "\xF0\x9F\x98\x80",
                                        "\xF4\x8F\xBF\xBF",
                                        "\xEF\xBF\xBF",
                                        "\xED\x9F\xBF",
                                        "\x7F"};
  std::string text;
  const size_t mode = random() % 4;
  const size_t length = random() % 25;
  for (size_t i = 0; i < length; ++i) text += kPieces[mode == 0 ? 6 : random() % std::size(kPieces)];
  return text;
}

std::string RandomBytes(std::mt19937_64& random, size_t length) {
  std::string bytes;
  const bool high = random() % 3 == 0;
  for (size_t i = 0; i < length; ++i) bytes.push_back(high ? '\xFF' : static_cast<char>(random()));
  return bytes;
}

arrow::Decimal128 RandomDecimal(std::mt19937_64& random, const schema::Type& type) {
  const arrow::Decimal128 most = arrow::Decimal128::GetMaxValue(type.precision);
  const auto usual = arrow::Decimal128(static_cast<int64_t>(random() % 2'000'003) - 1'000'000);
  return Pick<arrow::Decimal128>(random, {most, -most, arrow::Decimal128(0), arrow::Decimal128(-128)}, usual);
}

Status AppendRandom(const schema::Field& field, arrow::ArrayBuilder* builder, std::mt19937_64& random);

Status AppendNested(const schema::Type& type, arrow::ArrayBuilder* builder, std::mt19937_64& random) {
  if (type.id == TypeId::kStruct) {
    ARROW_RETURN_NOT_OK(static_cast<arrow::StructBuilder*>(builder)->Append());
    for (size_t i = 0; i < type.children.size(); ++i) {
      ARROW_RETURN_NOT_OK(AppendRandom(type.children[i], builder->child(static_cast<int>(i)), random));
    }
    return Status::OK();
  }
  const size_t length = random() % 4;
  if (type.id == TypeId::kList) {
    auto* list = static_cast<arrow::ListBuilder*>(builder);
    ARROW_RETURN_NOT_OK(list->Append());
    for (size_t i = 0; i < length; ++i) {
      ARROW_RETURN_NOT_OK(AppendRandom(type.children[0], list->value_builder(), random));
    }
    return Status::OK();
  }
  auto* map = static_cast<arrow::MapBuilder*>(builder);
  ARROW_RETURN_NOT_OK(map->Append());
  for (size_t i = 0; i < length; ++i) {
    ARROW_RETURN_NOT_OK(AppendRandom(type.children[0], map->key_builder(), random));
    ARROW_RETURN_NOT_OK(AppendRandom(type.children[1], map->item_builder(), random));
  }
  return Status::OK();
}

template <typename Builder>
Status AppendTo(arrow::ArrayBuilder* builder, auto value) {
  return static_cast<Builder*>(builder)->Append(value);
}

Status AppendRandom(const schema::Field& field, arrow::ArrayBuilder* builder, std::mt19937_64& random) {
  const schema::Type& type = *field.type;
  if (!field.required && random() % 6 == 0) return builder->AppendNull();
  if (type.is_nested()) return AppendNested(type, builder, random);
  const auto usual = static_cast<int64_t>(random() % 200'000) - 100'000;
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const double number = Pick<double>(random, {NAN, -0.0, 0.0, kInfinity, -kInfinity}, static_cast<double>(usual) / 8);
  const auto kMin = std::numeric_limits<int32_t>::min(), kMax = std::numeric_limits<int32_t>::max();
  switch (type.id) {
    case TypeId::kBoolean:
      return AppendTo<arrow::BooleanBuilder>(builder, random() % 2 == 0);
    case TypeId::kInt:
      return AppendTo<arrow::Int32Builder>(builder,
                                           Pick<int32_t>(random, {kMin, kMax, 0}, static_cast<int32_t>(usual)));
    case TypeId::kDate:
      return AppendTo<arrow::Date32Builder>(builder, static_cast<int32_t>(usual / 4));
    case TypeId::kLong:
      return AppendTo<arrow::Int64Builder>(
          builder,
          Pick<int64_t>(random, {std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max()}, usual));
    case TypeId::kTime:
      return AppendTo<arrow::Time64Builder>(builder, static_cast<int64_t>(random() % 86'400'000'000));
    case TypeId::kTimestamp:
    case TypeId::kTimestampTz:
      return AppendTo<arrow::TimestampBuilder>(builder,
                                               usual * 31'415'926'535 + static_cast<int64_t>(random() % 1'000));
    case TypeId::kFloat:
      return AppendTo<arrow::FloatBuilder>(builder, static_cast<float>(number));
    case TypeId::kDouble:
      return AppendTo<arrow::DoubleBuilder>(builder, number);
    case TypeId::kDecimal:
      return AppendTo<arrow::Decimal128Builder>(builder, RandomDecimal(random, type));
    case TypeId::kString:
      return AppendTo<arrow::StringBuilder>(builder, RandomText(random));
    case TypeId::kBinary:
      return AppendTo<arrow::BinaryBuilder>(builder, RandomBytes(random, random() % 24));
    default:
      return AppendTo<arrow::FixedSizeBinaryBuilder>(
          builder, RandomBytes(random, type.id == TypeId::kUuid ? 16 : static_cast<size_t>(type.length)));
  }
}

}  // namespace

schema::Schema EveryTypeSchema() {
  const std::vector<std::pair<std::string, schema::TypePtr>> primitives = {{"boolean", schema::Boolean()},
                                                                           {"int", schema::Int()},
                                                                           {"long", schema::Long()},
                                                                           {"float", schema::Float()},
                                                                           {"double", schema::Double()},
                                                                           {"decimal9", schema::Decimal(9, 2)},
                                                                           {"decimal18", schema::Decimal(18, 0)},
                                                                           {"decimal38", schema::Decimal(38, 10)},
                                                                           {"date", schema::Date()},
                                                                           {"time", schema::Time()},
                                                                           {"timestamp", schema::Timestamp()},
                                                                           {"timestamptz", schema::TimestampTz()},
                                                                           {"string", schema::String()},
                                                                           {"uuid", schema::Uuid()},
                                                                           {"fixed", schema::Fixed(5)},
                                                                           {"binary", schema::Binary()}};
  schema::Schema schema;
  int32_t id = 0;
  const auto fields_of = [&](const std::string& prefix) {
    std::vector<schema::Field> fields;
    for (const auto& [name, type] : primitives) fields.push_back({.id = ++id, .name = prefix + name, .type = type});
    return fields;
  };
  schema.fields = fields_of("");
  schema.fields.push_back({.id = ++id, .name = "key", .type = schema::Long(), .required = true});
  std::vector<schema::Field> inner = fields_of("in_");
  schema::Field deepest{.id = ++id, .name = "leaf", .type = schema::String()};
  inner.push_back({.id = ++id, .name = "deeper", .type = schema::Struct({deepest})});
  schema.fields.push_back({.id = ++id, .name = "record", .type = schema::Struct(std::move(inner))});
  schema::Field element{.id = ++id, .type = schema::Struct(fields_of("el_"))};
  schema.fields.push_back({.id = ++id, .name = "list", .type = schema::List(std::move(element))});
  schema::Field key{.id = ++id, .type = schema::String(), .required = true};
  schema::Field value{.id = ++id, .type = schema::Uuid()};
  schema.fields.push_back({.id = ++id, .name = "map", .type = schema::Map(std::move(key), std::move(value))});
  return schema;
}

std::shared_ptr<arrow::RecordBatch> RandomRows(const schema::Schema& schema, int64_t num_rows,
                                               std::mt19937_64& random) {
  const auto arrow_schema = schema::ToArrowSchema(schema);
  std::vector<std::shared_ptr<arrow::Array>> columns;
  for (size_t i = 0; i < schema.fields.size(); ++i) {
    auto builder = arrow::MakeBuilder(arrow_schema->field(static_cast<int>(i))->type()).ValueOrDie();
    for (int64_t row = 0; row < num_rows; ++row) {
      EXPECT_TRUE(AppendRandom(schema.fields[i], builder.get(), random).ok());
    }
    columns.push_back(builder->Finish().ValueOrDie());
  }
  return arrow::RecordBatch::Make(arrow_schema, num_rows, std::move(columns));
}

}  // namespace firn::table::testing
