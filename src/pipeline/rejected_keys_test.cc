#include "pipeline/rejected_keys.h"

#include <arrow/array/builder_binary.h>
#include <arrow/array/builder_primitive.h>
#include <arrow/type.h>
#include <gtest/gtest.h>

namespace firn::pipeline {
namespace {

TEST(WhyKeyIsRefused, NamesTheColumnAndTellsANullFromAnotherType) {
  arrow::Int64Builder id, line;
  arrow::StringBuilder text;
  ASSERT_TRUE(id.AppendNulls(2).ok() && id.Append(5).ok());
  ASSERT_TRUE(line.Append(1).ok() && line.Append(1).ok() && line.AppendNull().ok());
  ASSERT_TRUE(text.AppendNull().ok() && text.Append("7").ok() && text.AppendNull().ok());
  const auto schema = arrow::schema({arrow::field("id", arrow::int64()), arrow::field("line", arrow::int64()),
                                     arrow::field("id__string", arrow::utf8())});
  const auto rows = arrow::RecordBatch::Make(
      schema, 3, {id.Finish().ValueOrDie(), line.Finish().ValueOrDie(), text.Finish().ValueOrDie()});
  const std::vector<RequiredColumn> key = {{"id", "primary key"}, {"line", "primary key"}};
  EXPECT_EQ(WhyKeyIsRefused(*rows, 0, key), "the primary key `id` is null");
  EXPECT_EQ(WhyKeyIsRefused(*rows, 1, key), "the primary key `id` has a value of another type: string, not long");
  EXPECT_EQ(WhyKeyIsRefused(*rows, 2, key), "the primary key `line` is null");
}

}  // namespace
}  // namespace firn::pipeline
