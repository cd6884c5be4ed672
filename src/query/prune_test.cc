#include "query/prune.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "query/duckdb_engine.h"

namespace firn::query {
namespace {

using ::testing::ElementsAre;

/// A table with a column of each kind, and DuckDB's own reading of a WHERE clause.
class Prune : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    engine_ = DuckdbEngine::Open({.memory_bytes = 128 << 20, .threads = 1, .temp_folder = ""}).ValueOrDie().release();
  }
  static void TearDownTestSuite() { delete engine_; }

  Prune() {
    schema::Schema schema;
    const auto add = [&](const char* name, schema::TypePtr type) {
      schema.fields.push_back(
          {.id = static_cast<int32_t>(schema.fields.size()) + 1, .name = name, .type = std::move(type)});
    };
    add("i", schema::Int());
    add("l", schema::Long());
    add("m", schema::ParsePrimitive("decimal(9,2)").ValueOrDie());
    add("f", schema::ParsePrimitive("float").ValueOrDie());
    add("d", schema::ParsePrimitive("double").ValueOrDie());
    add("day", schema::ParsePrimitive("date").ValueOrDie());
    add("at", schema::ParsePrimitive("timestamptz").ValueOrDie());
    add("s", schema::String());
    metadata_.schemas = {std::make_shared<const schema::Schema>(schema)};
    metadata_.current_schema_id = schema.schema_id;
  }

  std::vector<std::string> Of(const std::string& where) {
    const auto query =
        ParseQuery("select * from t where " + where, [](std::string_view text) { return engine_->Parse(text); });
    EXPECT_TRUE(query.ok()) << query.status();
    constexpr const char* kSigns[] = {"=", "<", "<=", ">", ">=", "is null", "is not null"};
    std::vector<std::string> out;
    for (const auto& predicate : MakePredicates(query->references.at(0).conditions, metadata_.schema(), metadata_)) {
      const std::string name = metadata_.schema().FindById(predicate.field_id)->name;
      const bool null_test = predicate.value.is_null();
      EXPECT_TRUE(null_test || Validate(predicate.value).ok()) << where;
      out.push_back(name + " " + kSigns[static_cast<size_t>(predicate.op)] +
                    (null_test ? "" : " " + table::ToString(predicate.value)));
    }
    return out;
  }

  static DuckdbEngine* engine_;
  table::TableMetadata metadata_;
};
DuckdbEngine* Prune::engine_ = nullptr;

TEST_F(Prune, ListsBecomeTheirRange) {
  EXPECT_THAT(Of("l in (7, 3, 5)"), ElementsAre("l >= 3", "l <= 7"));
  EXPECT_THAT(Of("l in (7)"), ElementsAre("l = 7"));
  EXPECT_THAT(Of("s in ('b', 'a')"), ElementsAre("s >= a", "s <= b"));
  EXPECT_THAT(Of("day in ('2026-01-05', date '2026-01-02')"), ElementsAre("day >= 2026-01-02", "day <= 2026-01-05"));
  EXPECT_THAT(Of("m in (1, 2.5)"), ElementsAre("m >= 1.00", "m <= 2.50"));
  EXPECT_THAT(Of("l in (1, l)"), ElementsAre());
  EXPECT_THAT(Of("l in (1, null)"), ElementsAre());
  EXPECT_THAT(Of("l not in (1, 2)"), ElementsAre());
  EXPECT_THAT(Of("l in (1, 2) or i = 1"), ElementsAre());
}

TEST_F(Prune, DecimalsAreExactOrAroundTheConstant) {
  EXPECT_THAT(Of("m = 12.5"), ElementsAre("m = 12.50"));
  EXPECT_THAT(Of("m > -12.5"), ElementsAre("m > -12.50"));
  EXPECT_THAT(Of("m >= 3"), ElementsAre("m >= 3.00"));
  EXPECT_THAT(Of("m < 0.005"), ElementsAre("m <= 0.01"));
  EXPECT_THAT(Of("m > 0.005"), ElementsAre("m >= 0.00"));
  EXPECT_THAT(Of("m > -0.005"), ElementsAre("m >= -0.01"));
  EXPECT_THAT(Of("m = 0.005"), ElementsAre("m >= 0.00", "m <= 0.01"));
  EXPECT_THAT(Of("m between 1.25 and 2"), ElementsAre("m >= 1.25", "m <= 2.00"));
  EXPECT_THAT(Of("m < 12345678901234567.5"), ElementsAre());
  EXPECT_THAT(Of("m < 1e3"), ElementsAre()) << "DuckDB compares as doubles";
}

TEST_F(Prune, IntegersTakeFractions) {
  EXPECT_THAT(Of("l > 12.5 and i < -0.5"), ElementsAre("l >= 12", "i <= 0"));
  EXPECT_THAT(Of("i = 3000000000"), ElementsAre());
  EXPECT_THAT(Of("l = 3000000000"), ElementsAre("l = 3000000000"));
  EXPECT_THAT(Of("l = 99999999999999999999"), ElementsAre());
}

TEST_F(Prune, FloatingColumnsTakeARangeThatHoldsTheConstant) {
  for (const char* column : {"f", "d"}) {
    for (const char* constant : {"0.1", "1.5", "-7", "0", "1e3", "123456.789"}) {
      const auto query = ParseQuery(std::string("select * from t where ") + column + " = " + constant,
                                    [](std::string_view text) { return engine_->Parse(text); });
      const auto predicates = MakePredicates(query->references.at(0).conditions, metadata_.schema(), metadata_);
      ASSERT_EQ(predicates.size(), 2u) << constant;
      const double value = std::strtod(constant, nullptr);
      const auto number = [&](size_t i) {
        const auto& held = predicates[i].value.value;
        return std::holds_alternative<float>(held) ? static_cast<double>(std::get<float>(held))
                                                   : std::get<double>(held);
      };
      EXPECT_LT(number(0), value);
      EXPECT_GT(number(1), value);
      EXPECT_LT(number(1) - number(0), std::abs(value) * 1e-4 + 1e-30);
    }
  }
  EXPECT_THAT(Of("f < 1e300"), ElementsAre());
}

TEST_F(Prune, DatesAndTimes) {
  EXPECT_THAT(Of("day >= '2026-02-03' and day < date '2026-02-05'"),
              ElementsAre("day >= 2026-02-03", "day < 2026-02-05"));
  EXPECT_THAT(Of("day = '1969-12-31'"), ElementsAre("day = 1969-12-31"));
  EXPECT_THAT(Of("\"at\" between '2026-02-03' and timestamptz '2026-02-05 10:00:00Z'").size(), 2u);
  EXPECT_THAT(Of("day = '3.2.2026'"), ElementsAre());
}

}  // namespace
}  // namespace firn::query
