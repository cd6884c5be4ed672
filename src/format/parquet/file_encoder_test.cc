#include "format/parquet/file_encoder.h"

#include <arrow/array/concatenate.h>
#include <arrow/compare.h>
#include <arrow/io/memory.h>
#include <arrow/memory_pool.h>
#include <arrow/record_batch.h>
#include <arrow/table.h>
#include <gtest/gtest.h>
#include <parquet/arrow/reader.h>
#include <parquet/arrow/writer.h>
#include <parquet/file_reader.h>
#include <parquet/metadata.h>
#include <parquet/statistics.h>

#include <cstring>
#include <functional>

#include "format/parquet/random_arrays_test_support.h"

namespace firn::format::parquet {
namespace {

using testing::RandomArrays;
using Batches = std::vector<std::shared_ptr<arrow::RecordBatch>>;

constexpr int64_t kSmallBuffer = 256 << 10;  // small pages: several in a chunk

struct Written {
  std::shared_ptr<arrow::Buffer> bytes;
  std::vector<ColumnStatistics> statistics;
};

Written Encode(const std::shared_ptr<arrow::Schema>& schema, const Batches& batches, int64_t buffer_bytes,
               size_t batches_in_group = 1'000'000, bool use_threads = false) {
  auto sink = arrow::io::BufferOutputStream::Create().ValueOrDie();
  auto encoder = FileEncoder::Open(*sink, {.schema = schema,
                                           .zstd_level = 1,
                                           .buffer_bytes = buffer_bytes,
                                           .created_by = "firn test",
                                           .use_threads = use_threads,
                                           .pool = arrow::default_memory_pool()})
                     .ValueOrDie();
  for (size_t i = 0; i < batches.size(); ++i) {
    const int64_t piece = encoder->PieceRows(*batches[i]);
    for (int64_t begin = 0; begin < batches[i]->num_rows(); begin += piece) {
      const Status written = encoder->Write(*batches[i], begin, std::min(piece, batches[i]->num_rows() - begin));
      EXPECT_TRUE(written.ok()) << written.ToString();
    }
    if ((i + 1) % batches_in_group == 0) {
      EXPECT_TRUE(encoder->EndRowGroup().ok());
    }
  }
  const Status closed = encoder->Close();
  EXPECT_TRUE(closed.ok()) << closed.ToString();
  Written written;
  const auto metadata_columns = [&] {
    size_t leaves = 0;
    const std::function<void(const arrow::DataType&)> count = [&](const arrow::DataType& type) {
      if (type.num_fields() == 0) ++leaves;
      for (const auto& child : type.fields()) count(*child->type());
    };
    for (const auto& field : schema->fields()) count(*field->type());
    return leaves;
  }();
  for (size_t i = 0; i < metadata_columns; ++i) written.statistics.push_back(encoder->statistics(i));
  written.bytes = sink->Finish().ValueOrDie();
  return written;
}

std::shared_ptr<arrow::Table> Read(const std::shared_ptr<arrow::Buffer>& bytes) {
  auto reader =
      ::parquet::arrow::OpenFile(std::make_shared<arrow::io::BufferReader>(bytes), arrow::default_memory_pool());
  EXPECT_TRUE(reader.ok()) << reader.status().ToString();
  auto table = (*reader)->ReadTable();
  EXPECT_TRUE(table.ok()) << table.status().ToString();
  return *table;
}

void ExpectEqual(const arrow::Table& read, const arrow::Table& wanted) {
  ASSERT_EQ(read.num_rows(), wanted.num_rows());
  ASSERT_EQ(read.num_columns(), wanted.num_columns());
  for (int i = 0; i < wanted.num_columns(); ++i) {
    ASSERT_TRUE(read.column(i)->type()->Equals(*wanted.column(i)->type()))
        << read.column(i)->type()->ToString() << " instead of " << wanted.column(i)->type()->ToString();
    const auto options = arrow::EqualOptions::Defaults().nans_equal(true).signed_zeros_equal(false);
    const auto left = arrow::Concatenate(read.column(i)->chunks()).ValueOrDie();
    const auto right = arrow::Concatenate(wanted.column(i)->chunks()).ValueOrDie();
    EXPECT_TRUE(left->ValidateFull().ok());
    EXPECT_TRUE(left->Equals(*right, options)) << wanted.schema()->field(i)->ToString() << "\n"
                                               << left->ToString().substr(0, 2'000) << "\n"
                                               << right->ToString().substr(0, 2'000);
  }
}

std::shared_ptr<::parquet::FileMetaData> FooterOf(const std::shared_ptr<arrow::Buffer>& bytes) {
  return ::parquet::ParquetFileReader::Open(std::make_shared<arrow::io::BufferReader>(bytes))->metadata();
}

/// Bounds and null counts as Arrow's writer has them.
void ExpectArrowsStatistics(const arrow::Table& table, const std::shared_ptr<arrow::Buffer>& bytes) {
  auto sink = arrow::io::BufferOutputStream::Create().ValueOrDie();
  const auto properties = ::parquet::WriterProperties::Builder().enable_store_decimal_as_integer()->build();
  ASSERT_TRUE(::parquet::arrow::WriteTable(table, arrow::default_memory_pool(), sink, 1 << 30, properties).ok());
  const auto theirs = FooterOf(sink->Finish().ValueOrDie());
  const auto ours = FooterOf(bytes);
  ASSERT_EQ(ours->num_row_groups(), 1);
  ASSERT_TRUE(ours->schema()->Equals(*theirs->schema()));
  for (int i = 0; i < ours->num_columns(); ++i) {
    SCOPED_TRACE(ours->schema()->Column(i)->ToString());
    const auto our_chunk = ours->RowGroup(0)->ColumnChunk(i), their_chunk = theirs->RowGroup(0)->ColumnChunk(i);
    const auto our = our_chunk->encoded_statistics(), their = their_chunk->encoded_statistics();
    EXPECT_EQ(our_chunk->num_values(), their_chunk->num_values());
    EXPECT_EQ(our->null_count, their->null_count);
    ASSERT_EQ(our->has_min, their->has_min);
    ASSERT_EQ(our->has_max, their->has_max);
    EXPECT_EQ(our->min(), their->min());
    EXPECT_EQ(our->max(), their->max());
  }
}

Batches RandomBatches(RandomArrays& arrays, const std::shared_ptr<arrow::Schema>& schema, int64_t rows_max) {
  Batches batches;
  for (uint64_t i = 0; i <= arrays.random()() % 4; ++i) {
    const int64_t rows = 1 + static_cast<int64_t>(arrays.random()() % static_cast<uint64_t>(rows_max));
    arrow::ArrayVector columns;
    for (const auto& field : schema->fields()) columns.push_back(arrays.Make(*field, rows));
    batches.push_back(arrow::RecordBatch::Make(schema, rows, std::move(columns)));
  }
  return batches;
}

// The law: what Arrow reads is what was written, whatever the types, slices, nulls, batches and row groups.
TEST(ParquetFileEncoder, WritesWhatArrowReads) {
  const uint64_t seed = std::random_device()();
  for (uint64_t round = 0; round < 150; ++round) {
    SCOPED_TRACE("seed " + std::to_string(seed + round));
    RandomArrays arrays(seed + round);
    arrow::FieldVector fields;
    for (uint64_t i = 0; i <= arrays.random()() % 6; ++i) {
      fields.push_back(arrays.RandomField("c" + std::to_string(i), 3));
    }
    const auto schema = arrow::schema(fields);
    const Batches batches = RandomBatches(arrays, schema, arrays.OneIn(10) ? 30'000 : 700);
    const auto wanted = arrow::Table::FromRecordBatches(schema, batches).ValueOrDie();
    ASSERT_TRUE(wanted->ValidateFull().ok());
    const int64_t buffer = arrays.OneIn(2) ? kSmallBuffer : int64_t{64} << 20;
    const auto whole = Encode(schema, batches, buffer).bytes;
    ExpectEqual(*Read(whole), *wanted);
    ExpectArrowsStatistics(*wanted, whole);
    ExpectEqual(*Read(Encode(schema, batches, buffer, /*batches_in_group=*/2, /*use_threads=*/true).bytes), *wanted);
    if (::testing::Test::HasFailure()) return;
  }
}

std::shared_ptr<arrow::Schema> One(std::shared_ptr<arrow::DataType> type) {
  return arrow::schema({arrow::field("c", std::move(type))});
}

Batches OneBatch(const std::shared_ptr<arrow::Schema>& schema, std::shared_ptr<arrow::Array> array) {
  const int64_t rows = array->length();
  return {arrow::RecordBatch::Make(schema, rows, {std::move(array)})};
}

std::vector<::parquet::PageEncodingStats> PagesOf(const std::shared_ptr<arrow::Buffer>& bytes) {
  return FooterOf(bytes)->RowGroup(0)->ColumnChunk(0)->encoding_stats();
}

template <typename Value>
Written EncodeLongs(int64_t rows, Value&& value) {
  arrow::Int64Builder builder;
  for (int64_t i = 0; i < rows; ++i) EXPECT_TRUE(builder.Append(value(i)).ok());
  const auto schema = One(arrow::int64());
  const Batches batches = OneBatch(schema, builder.Finish().ValueOrDie());
  Written written = Encode(schema, batches, int64_t{64} << 20);
  ExpectEqual(*Read(written.bytes), *arrow::Table::FromRecordBatches(schema, batches).ValueOrDie());
  return written;
}

TEST(ParquetFileEncoder, KeepsADictionaryOfFewValues) {
  std::mt19937_64 random(7);
  const auto written =
      EncodeLongs(500'000, [&](int64_t) { return static_cast<int64_t>(random() % 10'007) * 1'000'003; });
  for (const auto& pages : PagesOf(written.bytes)) {
    EXPECT_EQ(pages.encoding, pages.page_type == ::parquet::PageType::DICTIONARY_PAGE
                                  ? ::parquet::Encoding::PLAIN
                                  : ::parquet::Encoding::RLE_DICTIONARY);
  }
  EXPECT_EQ(PagesOf(written.bytes).size(), 2u);
}

TEST(ParquetFileEncoder, WritesUniqueValuesPlain) {
  const auto written = EncodeLongs(500'000, [](int64_t i) { return i * 7919; });
  ASSERT_EQ(PagesOf(written.bytes).size(), 1u);
  EXPECT_EQ(PagesOf(written.bytes)[0].encoding, ::parquet::Encoding::PLAIN);
  EXPECT_FALSE(FooterOf(written.bytes)->RowGroup(0)->ColumnChunk(0)->has_dictionary_page());
}

// Few values for a page or two, then more than a dictionary holds.
TEST(ParquetFileEncoder, EndsAnOverflowingDictionaryInTheMiddle) {
  std::mt19937_64 random(11);
  const auto written =
      EncodeLongs(900'000, [&](int64_t i) { return i < 300'000 ? i % 50 : static_cast<int64_t>(random()); });
  ASSERT_EQ(PagesOf(written.bytes).size(), 3u);
  EXPECT_TRUE(FooterOf(written.bytes)->RowGroup(0)->ColumnChunk(0)->has_dictionary_page());
}

TEST(ParquetFileEncoder, WritesLongValuesAloneAndKeepsLongBoundsOut) {
  for (const bool in_list : {false, true}) {
    arrow::StringBuilder builder;
    for (int i = 0; i < 40; ++i) {
      const size_t length = i % 10 == 3 ? size_t{3} << 20 : i % 10 == 5 ? 2'000 : 5;
      EXPECT_TRUE(builder.Append(std::string(length, static_cast<char>('a' + i % 26)) + std::to_string(i)).ok());
    }
    std::shared_ptr<arrow::Array> values = builder.Finish().ValueOrDie();
    auto schema = One(arrow::utf8());
    if (in_list) {
      arrow::TypedBufferBuilder<int32_t> offsets;
      for (int32_t i = 0; i <= 40; i += 8) EXPECT_TRUE(offsets.Append(i).ok());
      schema = One(arrow::list(arrow::field("element", arrow::utf8())));
      values = std::make_shared<arrow::ListArray>(schema->field(0)->type(), 5, offsets.Finish().ValueOrDie(), values);
    }
    const Batches batches = OneBatch(schema, values);
    const auto written = Encode(schema, batches, int64_t{64} << 20);
    ExpectEqual(*Read(written.bytes), *arrow::Table::FromRecordBatches(schema, batches).ValueOrDie());
    const auto statistics = FooterOf(written.bytes)->RowGroup(0)->ColumnChunk(0)->encoded_statistics();
    EXPECT_TRUE(statistics == nullptr || !statistics->has_max);
    EXPECT_EQ(written.statistics[0].low, "aaaaa0");
  }
}

TEST(ParquetFileEncoder, TakesNoMemoryForNullsOfWideRows) {
  arrow::FieldVector fields;
  arrow::ArrayVector columns;
  for (int i = 0; i < 2'000; ++i) {
    fields.push_back(arrow::field("c" + std::to_string(i), i % 2 == 0 ? arrow::utf8() : arrow::int64()));
    columns.push_back(arrow::MakeArrayOfNull(fields.back()->type(), 1'000).ValueOrDie());
  }
  const auto type = arrow::struct_(fields);
  const auto whole = arrow::StructArray::Make(columns, fields).ValueOrDie();
  const auto schema = arrow::schema({arrow::field("s", type)});
  const auto batch = arrow::RecordBatch::Make(schema, 1'000, {whole});
  arrow::ProxyMemoryPool pool(arrow::default_memory_pool());
  auto sink = arrow::io::BufferOutputStream::Create().ValueOrDie();
  auto encoder = FileEncoder::Open(*sink, {.schema = schema, .pool = &pool}).ValueOrDie();
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(encoder->Write(*batch, 0, 1'000).ok());
  EXPECT_LT(pool.bytes_allocated(), 1 << 20);
  EXPECT_EQ(encoder->row_group_value_bytes(), 0);
  ASSERT_TRUE(encoder->Close().ok());
  EXPECT_EQ(FooterOf(sink->Finish().ValueOrDie())->num_rows(), 100'000);
}

TEST(ParquetFileEncoder, RefusesANullInARequiredColumn) {
  const auto schema = arrow::schema({arrow::field("c", arrow::int32(), /*nullable=*/false)});
  auto sink = arrow::io::BufferOutputStream::Create().ValueOrDie();
  auto encoder = FileEncoder::Open(*sink, {.schema = schema, .pool = arrow::default_memory_pool()}).ValueOrDie();
  const Batches batches = OneBatch(schema, arrow::MakeArrayOfNull(arrow::int32(), 3).ValueOrDie());
  const Status status = encoder->Write(*batches[0], 0, 3);
  EXPECT_EQ(FaultOf(status), Fault::kBadData) << status.ToString();
}

TEST(ParquetFileEncoder, SumsStatisticsOfTheFile) {
  const auto schema = One(arrow::float64());
  const auto array = [](std::vector<double> values, std::vector<bool> valid) {
    arrow::DoubleBuilder builder;
    EXPECT_TRUE(builder.AppendValues(values, valid).ok());
    return builder.Finish().ValueOrDie();
  };
  Batches batches = OneBatch(schema, array({0.0, 1.0, NAN, 9}, {true, false, true, true}));
  batches.push_back(OneBatch(schema, array({-0.0, NAN}, {true, true}))[0]);
  const auto written = Encode(schema, batches, int64_t{64} << 20, /*batches_in_group=*/1);
  const ColumnStatistics& file = written.statistics[0];
  EXPECT_EQ(file.num_entries, 6);
  EXPECT_EQ(file.num_nulls, 1);
  EXPECT_EQ(file.num_nans, 2);
  double low = 0, high = 0;
  std::memcpy(&low, file.low.data(), 8);
  std::memcpy(&high, file.high.data(), 8);
  EXPECT_TRUE(low == 0 && std::signbit(low));
  EXPECT_EQ(high, 9);
}

}  // namespace
}  // namespace firn::format::parquet
