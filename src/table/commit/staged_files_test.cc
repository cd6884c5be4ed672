#include "table/commit/staged_files.h"

#include <gtest/gtest.h>

namespace firn::table {
namespace {

StagedFiles Example() {
  DataFile file{.file_path = "file:///t/data/a b.parquet",
                .spec_id = 1,
                .partition = {{.type = schema::Date(), .value = int32_t{20'000}}, Literal::Null(schema::String())},
                .record_count = 3,
                .file_size_bytes = 99,
                .column_sizes = {{1, 10}},
                .value_counts = {{1, 3}},
                .null_value_counts = {{1, 0}},
                .nan_value_counts = {{2, 1}},
                .lower_bounds = {{1, std::string("\0\xff", 2)}},
                .upper_bounds = {{1, "z"}},
                .split_offsets = {4},
                .sort_order_id = 0};
  return {.stream_id = "p/t/live",
          .epoch = 3,
          .run = "r",
          .splits = {"", "a"},
          .from = {.sequence = 1, .hash = "x"},
          .to = {.sequence = 2, .hash = "y"},
          .state = std::string("{\"x\":\"\xff\"}"),
          .rows = 3,
          .content_hash = "c",
          .field_ids = {{"a", 1}, {"b.element", 3}},
          .data_files = {file},
          .removed = {"file:///t/data/old.parquet"},
          .quarantine_files = {file}};
}

TEST(StagedFiles, RoundTrip) {
  const StagedFiles staged = Example();
  const auto read = ParseStagedFiles(WriteStagedFiles(staged));
  ASSERT_TRUE(read.ok()) << read.status().ToString();
  EXPECT_EQ(WriteStagedFiles(*read), WriteStagedFiles(staged));
  EXPECT_EQ(read->data_files, staged.data_files);
  EXPECT_EQ(read->state, staged.state);
  EXPECT_EQ(read->field_ids, staged.field_ids);
}

TEST(StagedFiles, EveryDamageIsAnErrorOrAValue) {
  const std::string good = WriteStagedFiles(Example());
  for (size_t i = 0; i < good.size(); ++i) {
    std::string cut = good.substr(0, i);
    EXPECT_FALSE(ParseStagedFiles(cut).ok());
    std::string changed = good;
    changed[i] = changed[i] == '"' ? '1' : '"';
    static_cast<void>(ParseStagedFiles(changed));  // must not crash
  }
  std::string newer = good;
  newer.replace(newer.find("\"version\":1"), 11, "\"version\":9");
  EXPECT_EQ(FaultOf(ParseStagedFiles(newer).status()), Fault::kConfig);
}

TEST(StagedFiles, FilesOfAnotherSchemaAreFoundOut) {
  schema::Schema schema{.fields = {{.id = 1, .name = "a", .type = schema::Long()},
                                   {.id = 2, .name = "b", .type = schema::List({.id = 3, .type = schema::Int()})}}};
  EXPECT_TRUE(CheckFieldIds(FieldIdsOf(schema), schema).ok());
  EXPECT_TRUE(CheckFieldIds({{"a", 1}, {"b.element", 3}}, schema).ok());
  EXPECT_EQ(FaultOf(CheckFieldIds({{"a", 4}}, schema)), Fault::kConflict);
  EXPECT_FALSE(CheckFieldIds({{"c", 4}}, schema).ok());
}

}  // namespace
}  // namespace firn::table
