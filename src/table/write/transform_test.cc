#include "table/write/transform.h"

#include "table/write/write_test_support.h"

namespace firn::table {
namespace {

using schema::TypeId;
using testing::BatchOf;
using testing::Must;
using Kind = Transform::Kind;

Int128 Big(int64_t value) {
  return value;
}

/// The hash is the bucket of 2^31 - 1 buckets wherever it is smaller; compare modulo that.
int32_t BucketOf(const schema::TypePtr& type, Literal::Value value, int32_t buckets) {
  const Literal literal{type, std::move(value)};
  return std::get<int32_t>(Must(ApplyTransform({.kind = Kind::kBucket, .parameter = buckets}, literal)).value);
}

int32_t Expected(int32_t hash, int32_t buckets) {
  return (hash & 0x7FFFFFFF) % buckets;
}

/// Vectors of the Iceberg specification, Appendix B.
TEST(Bucket, HashesAsTheSpecificationSays) {
  const std::string uuid("\xf7\x9c\x3e\x09\x67\x7c\x4b\xbd\xa4\x79\x3f\x34\x9c\xb7\x85\xe7", 16);
  for (const int32_t n : {16, 100, 2147483647}) {
    EXPECT_EQ(BucketOf(schema::Int(), int32_t{34}, n), Expected(2017239379, n));
    EXPECT_EQ(BucketOf(schema::Long(), int64_t{34}, n), Expected(2017239379, n));
    EXPECT_EQ(BucketOf(schema::Decimal(9, 2), Big(1420), n), Expected(-500754589, n));
    EXPECT_EQ(BucketOf(schema::Date(), int32_t{17486}, n), Expected(-653330422, n));
    EXPECT_EQ(BucketOf(schema::Time(), int64_t{81068000000}, n), Expected(-662762989, n));
    EXPECT_EQ(BucketOf(schema::Timestamp(), int64_t{1510871468000000}, n), Expected(-2047944441, n));
    EXPECT_EQ(BucketOf(schema::TimestampTz(), int64_t{1510871468000000}, n), Expected(-2047944441, n));
    EXPECT_EQ(BucketOf(schema::String(), std::string("iceberg"), n), Expected(1210000089, n));
    EXPECT_EQ(BucketOf(schema::Uuid(), uuid, n), Expected(1488055340, n));
    EXPECT_EQ(BucketOf(schema::Fixed(4), std::string("\x00\x01\x02\x03", 4), n), Expected(-188683207, n));
    EXPECT_EQ(BucketOf(schema::Binary(), std::string("\x00\x01\x02\x03", 4), n), Expected(-188683207, n));
  }
}

int32_t TimeOf(Kind kind, const schema::TypePtr& type, Literal::Value value) {
  return std::get<int32_t>(Must(ApplyTransform({.kind = kind}, Literal{type, std::move(value)})).value);
}

TEST(TimeTransforms, FloorBeforeTheEpoch) {
  const auto ts = schema::TimestampTz();
  EXPECT_EQ(TimeOf(Kind::kYear, ts, int64_t{-1}), -1);
  EXPECT_EQ(TimeOf(Kind::kMonth, ts, int64_t{-1}), -1);
  EXPECT_EQ(TimeOf(Kind::kDay, ts, int64_t{-1}), -1);
  EXPECT_EQ(TimeOf(Kind::kHour, ts, int64_t{-1}), -1);
  EXPECT_EQ(TimeOf(Kind::kHour, ts, int64_t{-3'600'000'000}), -1);
  EXPECT_EQ(TimeOf(Kind::kHour, ts, int64_t{-3'600'000'001}), -2);
  EXPECT_EQ(TimeOf(Kind::kYear, schema::Date(), int32_t{17486}), 47);
  EXPECT_EQ(TimeOf(Kind::kMonth, schema::Date(), int32_t{17486}), 47 * 12 + 10);
  EXPECT_EQ(TimeOf(Kind::kDay, schema::Date(), int32_t{17486}), 17486);
  EXPECT_EQ(TimeOf(Kind::kMonth, schema::Date(), int32_t{-31}), -1);        // 1969-12-01
  EXPECT_EQ(TimeOf(Kind::kMonth, schema::Date(), int32_t{-32}), -2);        // 1969-11-30
  EXPECT_EQ(TimeOf(Kind::kYear, schema::Date(), int32_t{-719528}), -1970);  // 0000-01-01
  EXPECT_EQ(TimeOf(Kind::kMonth, schema::Date(), int32_t{789}), 25);        // 1972-02-29
}

Literal Truncated(int32_t width, const schema::TypePtr& type, Literal::Value value) {
  return Must(ApplyTransform({.kind = Kind::kTruncate, .parameter = width}, Literal{type, std::move(value)}));
}

TEST(Truncate, FollowsTheSpecification) {
  EXPECT_EQ(std::get<int32_t>(Truncated(10, schema::Int(), int32_t{1}).value), 0);
  EXPECT_EQ(std::get<int32_t>(Truncated(10, schema::Int(), int32_t{-1}).value), -10);
  EXPECT_EQ(std::get<int64_t>(Truncated(10, schema::Long(), int64_t{-10}).value), -10);
  EXPECT_TRUE(std::get<Int128>(Truncated(50, schema::Decimal(9, 2), Big(1065)).value) == 1050);
  EXPECT_TRUE(std::get<Int128>(Truncated(50, schema::Decimal(9, 2), Big(-1)).value) == -50);
  EXPECT_EQ(std::get<std::string>(Truncated(3, schema::String(), std::string("iceberg")).value), "ice");
  EXPECT_EQ(std::get<std::string>(Truncated(2, schema::String(), std::string("\xF0\x9F\x98\x80\xC3\xA9x")).value),
            "\xF0\x9F\x98\x80\xC3\xA9");
  EXPECT_EQ(std::get<std::string>(Truncated(2, schema::Binary(), std::string("\x00\x01\x02", 3)).value),
            std::string("\x00\x01", 2));
}

TEST(Transform, RefusesUnknownAndUndefined) {
  EXPECT_EQ(
      FaultOf(ApplyTransform({.kind = Kind::kUnknown, .unknown_name = "zorder"}, Literal{schema::Int(), 1}).status()),
      Fault::kConfig);
  EXPECT_EQ(FaultOf(ApplyTransform({.kind = Kind::kHour}, Literal{schema::Date(), 1}).status()), Fault::kConfig);
}

TEST(Transform, GivesAColumnWhatItGivesEachValue) {
  const uint64_t seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  const auto schema = testing::EveryTypeSchema();
  const auto rows = testing::RandomRows(schema, 200, random)->Slice(13);
  const std::vector<Transform> transforms = {{Kind::kIdentity}, {Kind::kBucket, 7}, {Kind::kTruncate, 3},
                                             {Kind::kYear},     {Kind::kMonth},     {Kind::kDay},
                                             {Kind::kHour},     {Kind::kVoid}};
  int compared = 0;
  for (size_t i = 0; i < schema.fields.size(); ++i) {
    const auto& type = schema.fields[i].type;
    if (type->is_nested()) continue;
    for (const Transform& transform : transforms) {
      const auto result_type = ResultType(transform, type);
      if (!result_type.ok()) continue;
      const auto& values = rows->column(static_cast<int>(i));
      const auto column = Must(ApplyTransform(transform, type, values, arrow::default_memory_pool()));
      ASSERT_TRUE(column->ValidateFull().ok());
      ASSERT_TRUE(column->type()->Equals(*schema::ToArrowType(**result_type)));
      for (int64_t row = 0; row < rows->num_rows(); ++row) {
        const Literal expected = Must(ApplyTransform(transform, LiteralAt(*values, type, row)));
        ASSERT_TRUE(LiteralAt(*column, *result_type, row) == expected) << ToString(transform) << " row " << row;
        ++compared;
      }
    }
  }
  EXPECT_GT(compared, 5'000);
}

TEST(PartitionPath, IsReadableAndSafe) {
  const PartitionSpec spec{.fields = {{1, 1000, "day", {Kind::kDay}},
                                      {2, 1001, "region", {Kind::kIdentity}},
                                      {1, 1002, "month", {Kind::kMonth}},
                                      {1, 1003, "hour", {Kind::kHour}},
                                      {2, 1004, "none", {Kind::kIdentity}}}};
  const std::vector<Literal> tuple = {{schema::Date(), int32_t{-1}},
                                      {schema::String(), std::string("a/../b c%?\xC3\xA9")},
                                      {schema::Int(), int32_t{-1}},
                                      {schema::Int(), int32_t{-25}},
                                      Literal::Null(schema::String())};
  EXPECT_EQ(PartitionPath(spec, tuple),
            "day=1969-12-31/region=a_.._b_c____/month=1969-12/hour=1969-12-30-23/none=null");
}

TEST(PartitionKeys, NumbersTuplesInOrderOfAppearance) {
  const schema::Schema schema{
      .fields = {{.id = 1, .name = "a", .type = schema::String()},
                 {.id = 2, .name = "s", .type = schema::Struct({{.id = 3, .name = "x", .type = schema::Double()}})}}};
  const PartitionSpec spec{.fields = {{1, 1000, "a", {Kind::kIdentity}}, {3, 1001, "x", {Kind::kIdentity}}}};
  auto keys = Must(PartitionKeys::Make(spec, schema));
  const auto batch = BatchOf(schema, R"([{"a":"u","s":{"x":1}},{"a":"u","s":null},{"a":"u","s":{"x":1}},
      {"a":"u","s":{"x":null}},{"a":null,"s":{"x":NaN}},{"a":"u","s":{"x":-0.0}},{"a":"u","s":{"x":0.0}}])");
  const auto numbers = Must(keys.Number(*batch, arrow::default_memory_pool()));
  EXPECT_EQ(numbers, (std::vector<uint32_t>{0, 1, 0, 1, 2, 3, 4}));
  EXPECT_TRUE(keys.tuple(1)[1].is_null());
}

}  // namespace
}  // namespace firn::table
