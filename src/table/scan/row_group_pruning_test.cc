#include "table/scan/row_group_pruning.h"

#include <arrow/record_batch.h>
#include <gtest/gtest.h>
#include <parquet/metadata.h>
#include <parquet/properties.h>
#include <parquet/schema.h>
#include <parquet/statistics.h>

#include <cmath>
#include <fstream>
#include <limits>
#include <random>
#include <string>

#include "table/delete/delete_test_support.h"
#include "table/delete/deletion_vector.h"

namespace firn::table {
namespace {

using testing::Must;
using testing::TestFolder;
using Op = Predicate::Op;

constexpr int64_t kRows = 100;  // of the one row group of a footer

template <typename T>
std::string Plain(T value) {
  return {reinterpret_cast<const char*>(&value), sizeof(value)};
}

struct Leaf {
  parquet::Type::type physical = parquet::Type::INT64;
  std::shared_ptr<const parquet::LogicalType> logical = parquet::LogicalType::None();
  int32_t field_id = 7;
  int length = -1;
};

parquet::EncodedStatistics Between(std::string min, std::string max) {
  parquet::EncodedStatistics statistics;
  statistics.set_min(std::move(min));
  statistics.set_max(std::move(max));
  return statistics;
}

/// A footer of one row group with one column.
std::shared_ptr<parquet::FileMetaData> Footer(const Leaf& leaf, const parquet::EncodedStatistics& statistics) {
  const auto node = parquet::schema::PrimitiveNode::Make("renamed since", parquet::Repetition::OPTIONAL, leaf.logical,
                                                         leaf.physical, leaf.length, leaf.field_id);
  parquet::SchemaDescriptor schema;
  schema.Init(parquet::schema::GroupNode::Make("table", parquet::Repetition::REQUIRED, {node}));
  const auto builder = parquet::FileMetaDataBuilder::Make(&schema, parquet::default_writer_properties());
  auto* group = builder->AppendRowGroup();
  group->set_num_rows(kRows);
  auto* chunk = group->NextColumnChunk();
  chunk->SetStatistics(statistics);
  chunk->Finish(kRows, 0, 0, 4, 100, 100, false, false, {}, {});
  group->Finish(100);
  return builder->Finish();
}

bool MayMatch(const parquet::FileMetaData& footer, Predicate predicate) {
  const auto group = footer.RowGroup(0);
  return ChooseRowGroups({std::move(predicate)})({.first_row = 0, .num_rows = kRows, .metadata = group.get()});
}

bool MayMatch(const Leaf& leaf, const parquet::EncodedStatistics& statistics, Op op, schema::TypePtr type,
              Literal::Value value) {
  return MayMatch(*Footer(leaf, statistics),
                  {.field_id = 7, .op = op, .value = {.type = std::move(type), .value = std::move(value)}});
}

TEST(RowGroupPruning, GoesByBoundsOfTheFieldId) {
  const auto statistics = Between(Plain(int64_t{10}), Plain(int64_t{20}));
  const auto matches = [&](Op op, int64_t value) { return MayMatch({}, statistics, op, schema::Long(), value); };
  EXPECT_TRUE(matches(Op::kEqual, 10));
  EXPECT_TRUE(matches(Op::kEqual, 20));
  EXPECT_FALSE(matches(Op::kEqual, 9));
  EXPECT_FALSE(matches(Op::kEqual, 21));
  EXPECT_FALSE(matches(Op::kLess, 10));
  EXPECT_TRUE(matches(Op::kLessOrEqual, 10));
  EXPECT_FALSE(matches(Op::kGreater, 20));
  EXPECT_TRUE(matches(Op::kGreaterOrEqual, 20));
  EXPECT_TRUE(MayMatch({.field_id = 8}, statistics, Op::kEqual, schema::Long(), int64_t{9})) << "another column";
  EXPECT_TRUE(MayMatch({.field_id = -1}, statistics, Op::kEqual, schema::Long(), int64_t{9})) << "a file without ids";
}

TEST(RowGroupPruning, PromotedColumnsAreComparedAsTheyAreNow) {
  const Leaf i32{.physical = parquet::Type::INT32};
  const auto ints = Between(Plain(int32_t{10}), Plain(int32_t{20}));
  EXPECT_FALSE(MayMatch(i32, ints, Op::kEqual, schema::Long(), int64_t{1} << 40));
  EXPECT_TRUE(MayMatch(i32, ints, Op::kEqual, schema::Long(), int64_t{15}));
  const Leaf single{.physical = parquet::Type::FLOAT};
  const auto floats = Between(Plain(0.5F), Plain(1.5F));
  EXPECT_FALSE(MayMatch(single, floats, Op::kLess, schema::Double(), 0.25));
  EXPECT_TRUE(MayMatch(single, floats, Op::kLess, schema::Double(), 0.75));
  const auto decimal = parquet::LogicalType::Decimal(5, 2);
  const auto cents = Between(Plain(int32_t{-150}), Plain(int32_t{250}));
  const Leaf narrow{.physical = parquet::Type::INT32, .logical = decimal};
  EXPECT_FALSE(MayMatch(narrow, cents, Op::kGreater, schema::Decimal(30, 2), Int128{250}));
  EXPECT_TRUE(MayMatch(narrow, cents, Op::kGreaterOrEqual, schema::Decimal(30, 2), Int128{250}));
  EXPECT_FALSE(MayMatch(narrow, cents, Op::kLess, schema::Decimal(30, 2), Int128{-150}));
  EXPECT_TRUE(MayMatch(narrow, cents, Op::kLess, schema::Decimal(30, 2), Int128{-149}));
}

TEST(RowGroupPruning, DecimalsOfFixedLengthAreBigEndian) {
  const Leaf fixed{
      .physical = parquet::Type::FIXED_LEN_BYTE_ARRAY, .logical = parquet::LogicalType::Decimal(38, 0), .length = 16};
  std::string min(16, '\xff');
  std::string max(16, '\0');
  min[15] = '\xfe';  // -2
  max[14] = '\x01';  // 256
  const auto matches = [&](Op op, int64_t value) {
    return MayMatch(fixed, Between(min, max), op, schema::Decimal(38, 0), Int128{value});
  };
  EXPECT_FALSE(matches(Op::kLess, -2));
  EXPECT_TRUE(matches(Op::kLess, -1));
  EXPECT_FALSE(matches(Op::kGreater, 256));
  EXPECT_TRUE(matches(Op::kGreater, 255));
}

TEST(RowGroupPruning, StatisticsOfAnotherMeaningDecideNothing) {
  const auto statistics = Between(Plain(int64_t{10}), Plain(int64_t{20}));
  const auto scale = parquet::LogicalType::Decimal(10, 3);
  EXPECT_TRUE(MayMatch({.logical = scale}, statistics, Op::kEqual, schema::Decimal(10, 2), Int128{9}));
  const auto millis = parquet::LogicalType::Timestamp(true, parquet::LogicalType::TimeUnit::MILLIS);
  EXPECT_TRUE(MayMatch({.logical = millis}, statistics, Op::kEqual, schema::TimestampTz(), int64_t{15'000}));
  const auto micros = parquet::LogicalType::Timestamp(true, parquet::LogicalType::TimeUnit::MICROS);
  EXPECT_FALSE(MayMatch({.logical = micros}, statistics, Op::kEqual, schema::TimestampTz(), int64_t{15'000}));
  EXPECT_TRUE(MayMatch({.logical = micros}, statistics, Op::kEqual, schema::TimestampTz(), int64_t{15}));
  const Leaf day{.physical = parquet::Type::INT32, .logical = parquet::LogicalType::Date()};
  const auto days = Between(Plain(int32_t{100}), Plain(int32_t{200}));
  EXPECT_FALSE(MayMatch(day, days, Op::kLess, schema::Date(), int32_t{100}));
  EXPECT_TRUE(MayMatch(day, days, Op::kLess, schema::TimestampTz(), int64_t{100})) << "days are no microseconds";
  const Leaf is_unsigned{.logical = parquet::LogicalType::Int(64, false)};
  EXPECT_TRUE(MayMatch(is_unsigned, statistics, Op::kEqual, schema::Long(), int64_t{9}));
  EXPECT_TRUE(MayMatch({}, Between(Plain(int64_t{20}), Plain(int64_t{10})), Op::kEqual, schema::Long(), int64_t{30}))
      << "bounds in the wrong order";
  EXPECT_TRUE(MayMatch({}, Between("short", "short"), Op::kEqual, schema::Long(), int64_t{30}));
}

TEST(RowGroupPruning, NanMayBeInARowGroupWhateverItsBoundsSay) {
  const Leaf leaf{.physical = parquet::Type::DOUBLE};
  const auto bounded = Between(Plain(1.0), Plain(2.0));
  EXPECT_TRUE(MayMatch(leaf, bounded, Op::kGreater, schema::Double(), 100.0)) << "NaN is greater to DuckDB";
  EXPECT_TRUE(MayMatch(leaf, bounded, Op::kGreaterOrEqual, schema::Double(), 100.0));
  EXPECT_FALSE(MayMatch(leaf, bounded, Op::kLess, schema::Double(), 1.0));
  EXPECT_FALSE(MayMatch(leaf, bounded, Op::kEqual, schema::Double(), 0.5));
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_TRUE(MayMatch(leaf, Between(Plain(nan), Plain(nan)), Op::kLess, schema::Double(), 1.0));
  EXPECT_TRUE(MayMatch(leaf, Between(Plain(-0.0), Plain(-0.0)), Op::kEqual, schema::Double(), 0.0));
  EXPECT_TRUE(MayMatch(leaf, Between(Plain(0.0), Plain(0.0)), Op::kEqual, schema::Double(), -0.0));
}

TEST(RowGroupPruning, CutTextStillBounds) {
  const Leaf leaf{.physical = parquet::Type::BYTE_ARRAY, .logical = parquet::LogicalType::String()};
  auto cut = Between("aaaa", "caab");  // of "aaaaz" and "caaaz": the upper bound is made greater when it is cut
  cut.is_min_value_exact = false;
  cut.is_max_value_exact = false;
  const auto matches = [&](Op op, const char* value) {
    return MayMatch(leaf, cut, op, schema::String(), std::string(value));
  };
  EXPECT_TRUE(matches(Op::kEqual, "aaaaz"));
  EXPECT_TRUE(matches(Op::kEqual, "caaaz"));
  EXPECT_TRUE(matches(Op::kLess, "aaaab"));
  EXPECT_FALSE(matches(Op::kLess, "aaaa"));
  EXPECT_FALSE(matches(Op::kGreater, "cb"));
  EXPECT_FALSE(matches(Op::kEqual, "\xc3\xa9")) << "bytes are compared unsigned";
  parquet::EncodedStatistics lower_alone;
  lower_alone.set_min("b");
  EXPECT_TRUE(MayMatch(leaf, lower_alone, Op::kEqual, schema::String(), std::string("z"))) << "no upper bound fits";
}

TEST(RowGroupPruning, NullsAreCountedWhereTheWriterSaysSo) {
  const auto matches = [](const parquet::EncodedStatistics& statistics, Op op) {
    return MayMatch({}, statistics, op, schema::Long(), {});
  };
  auto statistics = Between(Plain(int64_t{1}), Plain(int64_t{2}));
  EXPECT_TRUE(matches(statistics, Op::kIsNull)) << "not counted";
  statistics.set_null_count(0);
  EXPECT_FALSE(matches(statistics, Op::kIsNull));
  EXPECT_TRUE(matches(statistics, Op::kIsNotNull));
  parquet::EncodedStatistics nulls;
  nulls.set_null_count(kRows);
  EXPECT_TRUE(matches(nulls, Op::kIsNull));
  EXPECT_FALSE(matches(nulls, Op::kIsNotNull));
  EXPECT_FALSE(MayMatch({}, nulls, Op::kEqual, schema::Long(), int64_t{1}));
}

TEST(RowGroupPruning, WithoutStatisticsAllIsRead) {
  const parquet::EncodedStatistics none;
  EXPECT_TRUE(MayMatch({}, none, Op::kEqual, schema::Long(), int64_t{1}));
  EXPECT_TRUE(MayMatch({}, none, Op::kIsNull, schema::Long(), {}));
  EXPECT_TRUE(MayMatch({}, none, Op::kIsNotNull, schema::Long(), {}));
}

constexpr int64_t kGroupRows = 100;
const schema::Schema kIds{.fields = {{.id = 1, .name = "id", .type = schema::Long()}}};
const schema::Schema kIdsAndPositions{.fields = {{.id = 1, .name = "id", .type = schema::Long()},
                                                 {.id = kRowPositionFieldId, .name = "_pos", .type = schema::Long()}}};

/// A file whose row i has id i, in row groups of kGroupRows.
DataFile WriteIds(io::FileStore& files, const TestFolder& folder, int64_t num_rows) {
  auto writer = Must(DataFileWriter::Open(files, {.schema = std::make_shared<schema::Schema>(kIds),
                                                  .location = folder.location() + "/ids.parquet",
                                                  .row_group_bytes = kGroupRows * 8}));
  for (int64_t row = 0; row < num_rows; row += kGroupRows) {
    arrow::Int64Builder builder;
    for (int64_t i = row; i < std::min(row + kGroupRows, num_rows); ++i) EXPECT_TRUE(builder.Append(i).ok());
    const auto ids = Must(builder.Finish());
    EXPECT_TRUE(writer->Write(arrow::RecordBatch::Make(schema::ToArrowSchema(kIds), ids->length(), {ids})).ok());
  }
  return Must(writer->Finish());
}

Predicate IdIs(Op op, int64_t value) {
  return {.field_id = 1, .op = op, .value = {.type = schema::Long(), .value = value}};
}

/// The ids and positions that are read.
Result<std::vector<std::pair<int64_t, int64_t>>> ReadIds(io::FileStore& files, const DataFile& file,
                                                         std::shared_ptr<const PositionSet> deleted,
                                                         std::vector<Predicate> predicates) {
  ARROW_ASSIGN_OR_RAISE(auto reader, OpenLiveRows(files, file, std::move(deleted), kIdsAndPositions,
                                                  {.choose = ChooseRowGroups(std::move(predicates))}));
  std::vector<std::pair<int64_t, int64_t>> rows;
  std::shared_ptr<arrow::RecordBatch> batch;
  while (true) {
    ARROW_RETURN_NOT_OK(reader->ReadNext(&batch));
    if (batch == nullptr) return rows;
    const auto& ids = static_cast<const arrow::Int64Array&>(*batch->column(0));
    const auto& positions = static_cast<const arrow::Int64Array&>(*batch->column(1));
    for (int64_t i = 0; i < batch->num_rows(); ++i) rows.emplace_back(ids.Value(i), positions.Value(i));
  }
}

TEST(RowGroupPruning, DeletedRowsAndPositionsStayThoseOfTheFile) {
  const uint64_t seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  TestFolder folder;
  const auto files = io::MakeLocalFileStore();
  const int64_t num_rows = 2'050;
  const DataFile file = WriteIds(*files, folder, num_rows);
  for (int round = 0; round < 30; ++round) {
    const auto any = [&] { return static_cast<int64_t>(random() % static_cast<uint64_t>(num_rows)); };
    PositionSet deleted;
    for (int i = 0; i < 200; ++i) deleted.Add(any());
    const int64_t whole = any() / kGroupRows * kGroupRows;  // a row group of which nothing is left
    deleted.AddRange(whole, std::min(whole + kGroupRows, num_rows));
    const int64_t begin = any(), end = begin + any() / 8;
    const auto rows = Must(ReadIds(*files, file, std::make_shared<const PositionSet>(deleted),
                                   {IdIs(Op::kGreaterOrEqual, begin), IdIs(Op::kLess, end)}));
    std::vector<int64_t> matching, expected;
    for (const auto& [id, position] : rows) {
      EXPECT_EQ(id, position);
      EXPECT_FALSE(deleted.Contains(position));
      if (id >= begin && id < end) matching.push_back(id);
    }
    for (int64_t id = begin; id < std::min(end, num_rows); ++id) {
      if (!deleted.Contains(id)) expected.push_back(id);
    }
    EXPECT_EQ(matching, expected);
    EXPECT_LE(static_cast<int64_t>(rows.size()), end - begin + 2 * kGroupRows);
  }
}

TEST(RowGroupPruning, RowGroupsLeftOutAreNotOpened) {
  TestFolder folder;
  const auto files = io::MakeLocalFileStore();
  const DataFile file = WriteIds(*files, folder, 10 * kGroupRows);
  const std::string path = folder.path() + "/ids.parquet";
  {  // Nothing of the first eight row groups can be decoded any more.
    std::fstream broken(path, std::ios::in | std::ios::out | std::ios::binary);
    broken.seekp(4);
    broken << std::string(static_cast<size_t>(file.split_offsets.at(8) - 4), '\xff');
  }
  const auto rows = Must(ReadIds(*files, file, nullptr, {IdIs(Op::kEqual, 870)}));
  ASSERT_EQ(rows.size(), static_cast<size_t>(kGroupRows));
  EXPECT_EQ(rows.front(), std::pair(int64_t{800}, int64_t{800}));
  EXPECT_EQ(FaultOf(ReadIds(*files, file, nullptr, {IdIs(Op::kEqual, 70)}).status()), Fault::kBadData);
}

}  // namespace
}  // namespace firn::table
