#include "table/maintenance/retype_values.h"

#include <arrow/builder.h>
#include <arrow/memory_pool.h>
#include <arrow/scalar.h>
#include <gtest/gtest.h>

#include <optional>

#include "schema/arrow_mapping.h"
#include "table/metadata/default_value.h"
#include "table/metadata/literal_array.h"
#include "table/write/transform.h"

namespace firn::table {
namespace {

using schema::TypePtr;

TypePtr TypeNamed(const std::string& name) {
  return schema::ParsePrimitive(name).ValueOrDie();
}

// Of values as JSON; "null" is null.
std::shared_ptr<arrow::Array> Values(const TypePtr& type, const std::vector<std::string>& json) {
  auto builder = arrow::MakeBuilder(schema::ToArrowType(*type)).ValueOrDie();
  for (const std::string& text : json) {
    const Literal value = ParseDefault(type, text).ValueOrDie();
    const Status done = value.is_null() ? builder->AppendNull() : builder->AppendScalar(*ScalarOf(value).ValueOrDie());
    EXPECT_TRUE(done.ok()) << done;
  }
  return builder->Finish().ValueOrDie();
}

// The value as JSON in the new type; nullopt if it does not fit.
std::optional<std::string> As(const std::string& from, const std::string& json, const std::string& to) {
  const TypePtr source = TypeNamed(from), target = TypeNamed(to);
  RetypeMisfit misfit;
  const auto made =
      Retype({{.name = "c", .type = source}}, {Values(source, {json})}, target, arrow::default_memory_pool(), &misfit);
  if (!made.ok()) {
    EXPECT_EQ(misfit.column, "c");
    EXPECT_EQ(FaultOf(made.status()), Fault::kContract);
    return std::nullopt;
  }
  return WriteDefault(LiteralAt(**made, target, 0));
}

TEST(Retype, ValuesThatFitAreTheSame) {
  const struct {
    const char *from, *json, *to, *expected;
  } cases[] = {
      {"long", "12", "string", "\"12\""},
      {"long", "-9223372036854775808", "string", "\"-9223372036854775808\""},
      {"double", "10.5", "string", "\"10.5\""},
      {"double", "10.0", "string", "\"10.0\""},
      {"decimal(12, 2)", "\"12.50\"", "string", "\"12.50\""},
      {"decimal(12, 7)", "\"0.0000001\"", "string", "\"0.0000001\""},
      {"boolean", "true", "string", "\"true\""},
      {"date", "\"2024-02-29\"", "string", "\"2024-02-29\""},
      {"uuid", "\"f79c3e09-677c-4bbd-a479-3f349cb785e7\"", "string", "\"f79c3e09-677c-4bbd-a479-3f349cb785e7\""},
      {"string", "\"12\"", "long", "12"},
      {"string", "\"-5\"", "decimal(12, 2)", "\"-5.00\""},
      {"string", "\"7.25\"", "double", "7.25"},
      {"string", "\"true\"", "boolean", "true"},
      {"string", "\"2024-02-29\"", "date", "\"2024-02-29\""},
      {"string", "\"f79c3e09-677c-4bbd-a479-3f349cb785e7\"", "uuid", "\"f79c3e09-677c-4bbd-a479-3f349cb785e7\""},
      {"long", "9007199254740992", "double", "9.007199254740992e+15"},
      {"double", "3.0", "long", "3"},
      {"decimal(12, 2)", "\"-12.00\"", "long", "-12"},
      {"double", "-1e18", "long", "-1000000000000000000"},
      {"long", "7", "decimal(5, 2)", "\"7.00\""},
      {"decimal(12, 2)", "\"12.50\"", "double", "12.5"},
      {"int", "7", "long", "7"},
      {"date", "\"2024-02-29\"", "timestamp", "\"2024-02-29T00:00:00.000000\""},
      {"long", "null", "string", "null"},
  };
  for (const auto& c : cases) EXPECT_EQ(As(c.from, c.json, c.to).value_or("no"), c.expected) << c.from << " " << c.json;
}

TEST(Retype, ValuesThatDoNotFitAreRefused) {
  const struct {
    const char *from, *json, *to;
  } cases[] = {
      {"string", "\"x\"", "long"},
      {"string", "\" 5\"", "long"},
      {"string", "\"5 \"", "double"},
      {"string", "\"\"", "long"},
      {"string", "\"007\"", "long"},
      {"string", "\"null\"", "long"},
      {"string", "\"NaN\"", "double"},
      {"double", "2.5", "long"},
      {"long", "9007199254740993", "double"},
      {"double", "1e300", "long"},
      {"double", "1e19", "long"},
      {"double", "-0.0", "long"},
      {"decimal(12, 2)", "\"12.50\"", "long"},
      {"double", "3000000000.0", "int"},
      {"long", "1000", "decimal(5, 2)"},
      {"string", "\"1.005\"", "decimal(12, 2)"},
      {"boolean", "true", "long"},
      {"long", "1", "boolean"},
      {"long", "20240101", "date"},
      {"string", "\"2024-13-01\"", "date"},
      {"string", "\"yes\"", "boolean"},
      {"timestamp", "\"2024-01-01T10:00:00\"", "date"},
      {"string", "\"1e400\"", "double"},
      {"date", "\"2024-02-29\"", "long"},
      {"string", "\"[1]\"", "long"},
  };
  for (const auto& c : cases) EXPECT_FALSE(As(c.from, c.json, c.to)) << c.from << " " << c.json << " as " << c.to;
}

TEST(Retype, InfinityIsNoText) {
  arrow::DoubleBuilder builder;
  ASSERT_TRUE(builder.Append(std::numeric_limits<double>::infinity()).ok());
  const auto values = builder.Finish().ValueOrDie();
  RetypeMisfit misfit;
  for (const TypePtr& type : {schema::String(), TypeNamed("long"), TypeNamed("float")}) {
    EXPECT_FALSE(
        Retype({{.name = "c", .type = TypeNamed("double")}}, {values}, type, arrow::default_memory_pool(), &misfit)
            .ok());
  }
}

TEST(Retype, FoldsSiblingsRowByRow) {
  const std::vector<RetypedColumn> columns = {{.name = "c", .type = TypeNamed("long")},
                                              {.name = "c__string", .type = TypeNamed("string")}};
  RetypeMisfit misfit;
  const auto made = Retype(
      columns, {Values(columns[0].type, {"1", "null", "null"}), Values(columns[1].type, {"null", "\"x\"", "null"})},
      schema::String(), arrow::default_memory_pool(), &misfit);
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_EQ((*made)->ToString(), Values(schema::String(), {"\"1\"", "\"x\"", "null"})->ToString());
  const auto both = Retype(columns, {Values(columns[0].type, {"1", "2"}), Values(columns[1].type, {"null", "\"x\""})},
                           schema::String(), arrow::default_memory_pool(), &misfit);
  EXPECT_FALSE(both.ok());
  EXPECT_EQ(misfit.row, 1);
  EXPECT_EQ(misfit.column, "c__string");
}

TEST(Retype, JsonTextIsNoPlainText) {
  RetypeMisfit misfit;
  const auto values = Values(schema::String(), {"\"[1,2]\""});
  EXPECT_FALSE(Retype({{.name = "c", .type = schema::String(), .json = true}}, {values}, schema::String(),
                      arrow::default_memory_pool(), &misfit)
                   .ok());
  EXPECT_EQ(misfit.why, "it is JSON");
}

}  // namespace
}  // namespace firn::table
