#include "format/parquet/bloom_filter.h"

#include <arrow/io/memory.h>
#include <arrow/memory_pool.h>
#include <arrow/record_batch.h>
#include <arrow/util/key_value_metadata.h>
#include <gtest/gtest.h>
#include <parquet/bloom_filter.h>
#include <parquet/bloom_filter_reader.h>
#include <parquet/column_reader.h>
#include <parquet/file_reader.h>

#include <random>

#include "format/parquet/file_encoder.h"
#include "format/parquet/random_arrays_test_support.h"

namespace firn::format::parquet {
namespace {

using testing::RandomArrays;

std::shared_ptr<arrow::Field> WithId(const std::shared_ptr<arrow::Field>& field, int32_t id) {
  return field->WithMetadata(arrow::key_value_metadata({"PARQUET:field_id"}, {std::to_string(id)}));
}

std::shared_ptr<arrow::Buffer> Encode(const arrow::RecordBatch& batch, int64_t rows_of_group, BloomFilterShape shape) {
  auto sink = arrow::io::BufferOutputStream::Create().ValueOrDie();
  FileEncoderOptions options{
      .schema = batch.schema(), .zstd_level = 1, .created_by = "firn test", .pool = arrow::default_memory_pool()};
  for (int32_t id = 1; id <= batch.num_columns(); ++id) options.bloom_filters[id] = shape;
  auto encoder = FileEncoder::Open(*sink, std::move(options)).ValueOrDie();
  for (int64_t begin = 0; begin < batch.num_rows(); begin += rows_of_group) {
    EXPECT_TRUE(encoder->Write(batch, begin, std::min(rows_of_group, batch.num_rows() - begin)).ok());
    EXPECT_TRUE(encoder->EndRowGroup().ok());
  }
  EXPECT_TRUE(encoder->Close().ok());
  return sink->Finish().ValueOrDie();
}

/// How many values of a chunk the filter knows, and how many there are: by Arrow's reader and Arrow's hashes.
template <typename Type, typename HashOf>
std::pair<int64_t, int64_t> CountKnown(::parquet::ColumnReader& column, const ::parquet::BloomFilter& filter,
                                       HashOf&& hash_of) {
  auto& reader = static_cast<::parquet::TypedColumnReader<Type>&>(column);
  std::vector<typename Type::c_type> values(100'000);
  std::vector<int16_t> definitions(values.size());
  int64_t known = 0, count = 0;
  while (reader.HasNext()) {
    int64_t num_values = 0;
    reader.ReadBatch(static_cast<int64_t>(values.size()), definitions.data(), nullptr, values.data(), &num_values);
    for (int64_t i = 0; i < num_values; ++i) known += filter.FindHash(hash_of(values[static_cast<size_t>(i)]));
    count += num_values;
  }
  return {known, count};
}

std::pair<int64_t, int64_t> CountKnown(::parquet::ColumnReader& column, const ::parquet::BloomFilter& filter) {
  const auto plain = [&](const auto& value) { return filter.Hash(value); };
  switch (column.type()) {
    case ::parquet::Type::INT32:
      return CountKnown<::parquet::Int32Type>(column, filter, plain);
    case ::parquet::Type::INT64:
      return CountKnown<::parquet::Int64Type>(column, filter, plain);
    case ::parquet::Type::FLOAT:
      return CountKnown<::parquet::FloatType>(column, filter, plain);
    case ::parquet::Type::DOUBLE:
      return CountKnown<::parquet::DoubleType>(column, filter, plain);
    case ::parquet::Type::BYTE_ARRAY:
      return CountKnown<::parquet::ByteArrayType>(column, filter, plain);
    case ::parquet::Type::FIXED_LEN_BYTE_ARRAY: {
      const auto width = static_cast<uint32_t>(column.descr()->type_length());
      return CountKnown<::parquet::FLBAType>(column, filter,
                                             [&](const ::parquet::FLBA& value) { return filter.Hash(value, width); });
    }
    default:
      ADD_FAILURE() << "type without a filter";
      return {};
  }
}

TEST(LeafBloomFilter, KnowsEveryValueOfEveryType) {
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  RandomArrays random(seed);
  constexpr int64_t kRows = 500;
  arrow::FieldVector fields;
  arrow::ArrayVector columns;
  for (const auto& type :
       {arrow::int32(), arrow::int64(), arrow::float32(), arrow::float64(), arrow::date32(), arrow::utf8(),
        arrow::binary(), arrow::time64(arrow::TimeUnit::MICRO), arrow::timestamp(arrow::TimeUnit::MICRO, "UTC"),
        arrow::decimal128(9, 2), arrow::decimal128(18, 0), arrow::decimal128(38, 10), arrow::fixed_size_binary(16)}) {
    fields.push_back(WithId(arrow::field(type->ToString(), type), static_cast<int32_t>(fields.size()) + 1));
    columns.push_back(random.Make(*fields.back(), kRows));
  }
  const auto batch = arrow::RecordBatch::Make(arrow::schema(fields), kRows, columns);
  const auto bytes = Encode(*batch, 200, {});
  const auto file = ::parquet::ParquetFileReader::Open(std::make_shared<arrow::io::BufferReader>(bytes));
  ASSERT_EQ(file->metadata()->num_row_groups(), 3);
  for (int group = 0; group < 3; ++group) {
    const auto filters = file->GetBloomFilterReader().RowGroup(group);
    for (int column = 0; column < batch->num_columns(); ++column) {
      SCOPED_TRACE(batch->schema()->field(column)->name());
      const auto filter = filters->GetColumnBloomFilter(column);
      const auto reader = file->RowGroup(group)->Column(column);
      if (filter == nullptr) {
        EXPECT_FALSE(static_cast<::parquet::TypedColumnReader<::parquet::Int32Type>&>(*reader).HasNext());
        continue;
      }
      const auto [known, count] = CountKnown(*reader, *filter);
      EXPECT_EQ(known, count);
    }
  }
}

TEST(LeafBloomFilter, IsAsLargeAsItsValuesNeed) {
  for (const int64_t num_values : {100, 10'000, 100'000}) {
    arrow::Int64Builder builder;
    for (int64_t i = 0; i < num_values; ++i) ASSERT_TRUE(builder.Append(i * 7919).ok());
    const auto schema = arrow::schema({WithId(arrow::field("c", arrow::int64()), 1)});
    const auto batch = arrow::RecordBatch::Make(schema, num_values, {builder.Finish().ValueOrDie()});
    const auto bytes = Encode(*batch, num_values, {.fpp = 0.01});
    const auto file = ::parquet::ParquetFileReader::Open(std::make_shared<arrow::io::BufferReader>(bytes));
    const auto filter = file->GetBloomFilterReader().RowGroup(0)->GetColumnBloomFilter(0);
    ASSERT_NE(filter, nullptr);
    EXPECT_LE(filter->GetBitsetSize(), 8 * num_values);
    int64_t passed = 0;
    for (int64_t i = 1; i <= 10'000; ++i) passed += filter->FindHash(filter->Hash(-i));
    EXPECT_LE(passed, 300) << "of 10,000 absent values about 100 may pass";
  }
}

}  // namespace
}  // namespace firn::format::parquet
