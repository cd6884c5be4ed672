#include "schema/arrow_mapping.h"

#include <arrow/type.h>
#include <arrow/util/key_value_metadata.h>
#include <gtest/gtest.h>

namespace firn::schema {
namespace {

Schema Everything() {
  return {.fields = {{1, "b", Boolean(), true},
                     {2, "i", Int()},
                     {3, "l", Long()},
                     {4, "f", Float()},
                     {5, "d", Double()},
                     {6, "dec", Decimal(12, 2)},
                     {7, "day", Date()},
                     {8, "t", Time()},
                     {9, "ts", Timestamp()},
                     {10, "tz", TimestampTz()},
                     {11, "s", String()},
                     {12, "u", Uuid()},
                     {13, "x", Fixed(5)},
                     {14, "bin", Binary()},
                     {15, "st",
                      Struct({{16, "li", List({17, "element", Map({18, "key", String()}, {19, "value", Uuid()})})}})}}};
}

TEST(ArrowMapping, GoesThereAndBack) {
  const auto arrow = ToArrowSchema(Everything());
  const Result<Schema> back = FromArrowSchema(*arrow);
  ASSERT_TRUE(back.ok()) << back.status().ToString();
  EXPECT_TRUE(Equals(Everything(), *back));
  EXPECT_EQ(arrow->field(9)->type()->ToString(), "timestamp[us, tz=UTC]");
  EXPECT_FALSE(arrow->field(0)->nullable());
}

TEST(ArrowMapping, CarriesFieldIdsAtEveryLevel) {
  const auto arrow = ToArrowSchema(Everything());
  const auto list = arrow->field(14)->type()->field(0);
  EXPECT_EQ(*list->metadata()->Get(kFieldIdKey), "16");
  EXPECT_EQ(*list->type()->field(0)->metadata()->Get(kFieldIdKey), "17");
  const auto& map = static_cast<const arrow::MapType&>(*list->type()->field(0)->type());
  EXPECT_EQ(*map.key_field()->metadata()->Get(kFieldIdKey), "18");
  EXPECT_EQ(*map.item_field()->metadata()->Get(kFieldIdKey), "19");
  EXPECT_EQ(ToArrowField({.name = "a", .type = Long()})->metadata(), nullptr);
}

TEST(ArrowMapping, RefusesWhatIsNotExact) {
  EXPECT_EQ(ToString(**FromArrowType(*arrow::timestamp(arrow::TimeUnit::NANO))), "timestamp_ns");
  EXPECT_EQ(ToString(**FromArrowType(*arrow::timestamp(arrow::TimeUnit::NANO, "UTC"))), "timestamptz_ns");
  EXPECT_FALSE(FromArrowType(*arrow::uint64()).ok());
  EXPECT_FALSE(FromArrowType(*arrow::null()).ok());
  EXPECT_EQ(ToString(**FromArrowType(*arrow::large_utf8())), "string");
  EXPECT_EQ(ToString(**FromArrowType(*arrow::dictionary(arrow::int32(), arrow::utf8()))), "string");
}

}  // namespace
}  // namespace firn::schema
