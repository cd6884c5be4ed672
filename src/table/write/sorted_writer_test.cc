#include <arrow/builder.h>

#include <algorithm>
#include <map>
#include <random>
#include <tuple>

#include "table/write/new_row_places.h"
#include "table/write/write_test_support.h"

namespace firn::table {
namespace {

using testing::Must;
using testing::ReadFiles;
using testing::TestFolder;
using Kind = Transform::Kind;

schema::Schema RowSchema() {
  return {.fields = {{.id = 1, .name = "id", .type = schema::Long()},
                     {.id = 2, .name = "part", .type = schema::Int()},
                     {.id = 3, .name = "value", .type = schema::Long()},
                     {.id = 4, .name = "text", .type = schema::String()}}};
}

struct Row {
  int64_t id = 0;
  int32_t part = 0;
  int64_t value = 0;
  std::string text;
  friend auto operator<=>(const Row&, const Row&) = default;
};

std::shared_ptr<arrow::RecordBatch> Batch(const std::vector<Row>& rows) {
  arrow::Int64Builder ids, values;
  arrow::Int32Builder parts;
  arrow::StringBuilder texts;
  for (const Row& row : rows) {
    EXPECT_TRUE(ids.Append(row.id).ok() && parts.Append(row.part).ok() && values.Append(row.value).ok() &&
                texts.Append(row.text).ok());
  }
  return arrow::RecordBatch::Make(
      schema::ToArrowSchema(RowSchema()), static_cast<int64_t>(rows.size()),
      {Must(ids.Finish()), Must(parts.Finish()), Must(values.Finish()), Must(texts.Finish())});
}

std::vector<Row> RowsOf(io::FileStore& files, const std::string& location) {
  const auto table = Must(ReadFiles(files, {location}, RowSchema())->CombineChunks());
  std::vector<Row> rows;
  for (int64_t i = 0; i < table->num_rows(); ++i) {
    const auto at = [&](int column) { return table->column(column)->chunk(0); };
    rows.push_back({.id = static_cast<const arrow::Int64Array&>(*at(0)).Value(i),
                    .part = static_cast<const arrow::Int32Array&>(*at(1)).Value(i),
                    .value = static_cast<const arrow::Int64Array&>(*at(2)).Value(i),
                    .text = static_cast<const arrow::StringArray&>(*at(3)).GetString(i)});
  }
  return rows;
}

bool IsSorted(const std::vector<Row>& rows) {
  return std::ranges::is_sorted(
      rows, [](const Row& a, const Row& b) { return std::tuple(-a.value, a.text) < std::tuple(-b.value, b.text); });
}

struct World {
  std::mt19937_64 random{7};
  TestFolder folder;
  std::unique_ptr<io::FileStore> files = io::MakeLocalFileStore();

  TableWriterOptions Options(bool partitioned) {
    TableWriterOptions options = testing::OptionsOf(RowSchema(), folder);
    if (partitioned) options.spec = {.spec_id = 1, .fields = {{2, 1000, "part", {Kind::kIdentity}}}};
    options.order.order = {.order_id = 3, .fields = {{.source_id = 3, .ascending = false}, {.source_id = 4}}};
    options.memory_bytes = int64_t{16} << 20;
    return options;
  }
  std::vector<Row> RandomRows(int64_t first, size_t count) {
    std::vector<Row> rows;
    for (size_t i = 0; i < count; ++i) {
      rows.push_back({.id = first + static_cast<int64_t>(i),
                      .part = static_cast<int32_t>(random() % 5),
                      .value = static_cast<int64_t>(random() % 1000) - 500,
                      .text = std::string(random() % 20, static_cast<char>('a' + random() % 3))});
    }
    return rows;
  }
};

TEST(SortedWriter, SortsPartitionsAndCutsThemIntoFilesThatDoNotOverlap) {
  for (const bool partitioned : {false, true}) {
    for (const int threads : {1, 3}) {
      World world;
      auto options = world.Options(partitioned);
      options.threads = threads;
      options.file_rows_max = 700;
      const auto writer = Must(TableWriter::Make(*world.files, options));
      std::vector<Row> all;
      for (int i = 0; i < 20; ++i) {
        const auto rows = world.RandomRows(i * 500, 500);
        all.insert(all.end(), rows.begin(), rows.end());
        FIRN_ASSERT_OK(writer->Append(Batch(rows)));
      }
      std::vector<Row> read;
      std::map<uint32_t, int64_t> last;  // value of each partition
      for (const WrittenFile& file : Must(writer->Finish())) {
        EXPECT_EQ(file.file.sort_order_id, 3);
        const auto rows = RowsOf(*world.files, file.file.file_path);
        EXPECT_TRUE(IsSorted(rows));
        if (last.contains(file.partition)) {
          EXPECT_GE(last[file.partition], rows.front().value);
        }
        last[file.partition] = rows.back().value;
        read.insert(read.end(), rows.begin(), rows.end());
      }
      std::ranges::sort(read);
      std::ranges::sort(all);
      EXPECT_EQ(read, all);
    }
  }
}

// Which rows are in which file does not depend on the number of threads.
TEST(SortedWriter, FilesAreTheSameWithAnyNumberOfThreads) {
  for (const bool sorted : {true, false}) {
    std::vector<std::vector<std::vector<Row>>> contents;
    for (const int threads : {1, 4}) {
      World world;
      auto options = world.Options(/*partitioned=*/true);
      if (!sorted) options.order = {};
      options.threads = threads;
      const auto writer = Must(TableWriter::Make(*world.files, options));
      for (int i = 0; i < 10; ++i) FIRN_ASSERT_OK(writer->Append(Batch(world.RandomRows(i * 300, 300))));
      auto& files = contents.emplace_back();
      for (const WrittenFile& file : Must(writer->Finish())) {
        files.push_back(RowsOf(*world.files, file.file.file_path));
      }
    }
    EXPECT_EQ(contents[0], contents[1]) << sorted;
  }
}

TEST(SortedWriter, PlacesLeadToTheRows) {
  for (const bool fits : {true, false}) {
    World world;
    auto options = world.Options(/*partitioned=*/true);
    options.file_rows_max = 300;
    if (!fits) options.memory_bytes = 4 * 4 * 2500;  // ranks of one partition of about 2,000 rows, or none
    const auto writer = Must(TableWriter::Make(*world.files, options));
    std::vector<Row> all;
    std::vector<RowPlace> places;
    for (int i = 0; i < 20; ++i) {
      const auto rows = world.RandomRows(i * 500, 500);
      all.insert(all.end(), rows.begin(), rows.end());
      FIRN_ASSERT_OK(writer->Append(Batch(rows), &places));
    }
    const auto written = Must(writer->Finish());
    const NewRowPlaces found(written, writer->TakeRanks());
    std::vector<std::vector<Row>> contents;
    int64_t num_unsorted = 0;
    for (const WrittenFile& file : written) {
      contents.push_back(RowsOf(*world.files, file.file.file_path));
      const bool claims = file.file.sort_order_id.has_value();
      num_unsorted += !claims;
      EXPECT_TRUE(!claims || IsSorted(contents.back()));
    }
    EXPECT_EQ(num_unsorted > 0, !fits) << "what has no room for ranks claims nothing";
    for (size_t i = 0; i < all.size(); ++i) {
      const auto place = Must(found.Of(places[i]));
      EXPECT_EQ(contents[place.file][static_cast<size_t>(place.row)], all[i]);
    }
  }
}

TEST(SortedWriter, AnOrderThatEnginesDoNotShareIsNotClaimed) {
  World world;
  auto options = world.Options(/*partitioned=*/false);
  options.order.order.fields = {{.source_id = 99}};
  const auto writer = Must(TableWriter::Make(*world.files, options));
  FIRN_ASSERT_OK(writer->Append(Batch(world.RandomRows(0, 10))));
  for (const WrittenFile& file : Must(writer->Finish())) EXPECT_FALSE(file.file.sort_order_id.has_value());
}

TEST(SortedWriter, RowsThatWaitTakeTheNewSchema) {
  World world;
  const auto writer = Must(TableWriter::Make(*world.files, world.Options(/*partitioned=*/false)));
  FIRN_ASSERT_OK(writer->Append(Batch(world.RandomRows(0, 100))));
  schema::Schema wider = RowSchema();
  wider.fields.push_back({.id = 5, .name = "more", .type = schema::Long()});
  FIRN_ASSERT_OK(writer->SetSchema(std::make_shared<const schema::Schema>(wider)));
  FIRN_ASSERT_OK(writer->Append(Batch(world.RandomRows(100, 100))));
  const auto written = Must(writer->Finish());
  ASSERT_EQ(written.size(), 1U);
  EXPECT_EQ(written[0].file.record_count, 200);
  EXPECT_TRUE(IsSorted(RowsOf(*world.files, written[0].file.file_path)));
}

TEST(FileLayout, IsReadFromPropertiesOfAnyWriter) {
  const FileLayout layout = LayoutOf({},
                                     {{"write.parquet.bloom-filter-enabled.column.id", "true"},
                                      {"write.parquet.bloom-filter-fpp.column.id", "0.05"},
                                      {"write.parquet.bloom-filter-enabled.column.text", "false"},
                                      {"write.parquet.bloom-filter-enabled.column.gone", "true"},
                                      {"write.target-file-size-bytes", "1000"},
                                      {"firn.sort-by", "zorder(value, part)"}},
                                     RowSchema());
  EXPECT_EQ(layout.bloom_filters, (std::vector<BloomColumn>{{.field_id = 1, .fpp = 0.05}}));
  EXPECT_EQ(layout.target_file_bytes, 1000);
  EXPECT_EQ(layout.order.zorder, (std::vector<int32_t>{3, 2}));
}

}  // namespace
}  // namespace firn::table
