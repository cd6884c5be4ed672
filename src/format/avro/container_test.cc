#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>
#include <zstd.h>

#include <limits>
#include <random>
#include <string>
#include <utility>

#include "format/avro/compression.h"
#include "format/avro/container_reader.h"
#include "format/avro/container_writer.h"
#include "format/avro/decoder.h"
#include "format/avro/schema.h"

namespace firn::format::avro {
namespace {

using namespace std::string_literals;
using testing::HasSubstr;

constexpr char kAllKinds[] = R"({"type":"record","name":"all","fields":[
  {"name":"b","type":"boolean","field-id":1},{"name":"i","type":"int","field-id":2},
  {"name":"l","type":{"type":"long"},"field-id":3},{"name":"f","type":"float"},{"name":"d","type":"double"},
  {"name":"s","type":["null","string"],"default":null,"field-id":4},{"name":"y","type":"bytes"},
  {"name":"x","type":{"type":"fixed","name":"f4","size":4}},{"name":"x2","type":["null","f4"]},
  {"name":"e","type":{"type":"enum","name":"color","symbols":["RED","BLUE"]}},
  {"name":"a","type":{"type":"array","items":["null","long"],"element-id":5},"field-id":6},
  {"name":"m","type":{"type":"map","values":"int"}},
  {"name":"r","type":{"type":"record","name":"inner","fields":[{"name":"n","type":"null"}]}}]})";

Value Record(std::vector<Value> fields) {
  return Value{std::move(fields)};
}

Value Sample(std::mt19937_64& random) {
  const auto text = [&] { return std::string(random() % 20, static_cast<char>(random() % 256)); };
  std::vector<Value> items, entries;
  for (uint64_t i = random() % 5; i > 0; --i) items.push_back(i % 2 ? Value{static_cast<int64_t>(random())} : Value{});
  for (uint64_t i = random() % 3; i > 0; --i)
    entries.push_back(Record({Value{text()}, Value{static_cast<int32_t>(i)}}));
  return Record({Value{random() % 2 == 0}, Value{static_cast<int32_t>(random())}, Value{static_cast<int64_t>(random())},
                 Value{static_cast<float>(random())}, Value{static_cast<double>(random())},
                 random() % 2 ? Value{text()} : Value{}, Value{text()}, Value{"abcd"s},
                 random() % 2 ? Value{"wxyz"s} : Value{}, Value{int32_t{1}}, Value{std::move(items)},
                 Value{std::move(entries)}, Record({Value{}})});
}

std::string Write(const std::vector<Value>& records, Codec codec, int64_t block_bytes = 64) {
  const NodePtr schema = *ParseSchema(kAllKinds);
  auto writer = *ContainerWriter::Make(
      {.schema_json = kAllKinds, .metadata = {{"k", "v"}}, .codec = codec, .block_bytes = block_bytes});
  for (const Value& record : records) {
    std::string bytes;
    EXPECT_TRUE(EncodeValue(*schema, record, bytes).ok());
    writer->encoder().Fixed(bytes);
    EXPECT_TRUE(writer->EndRecord().ok());
  }
  return *writer->Finish();
}

Result<std::vector<Value>> Read(std::string_view bytes, ReaderOptions options = {}) {
  ARROW_ASSIGN_OR_RAISE(auto reader, ContainerReader::Open(bytes, std::move(options)));
  std::vector<Value> records;
  while (true) {
    ARROW_ASSIGN_OR_RAISE(auto record, reader->Next());
    if (!record) return records;
    records.push_back(*std::move(record));
  }
}

TEST(AvroContainer, RoundTrip) {
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (const Codec codec : {Codec::kNull, Codec::kDeflate}) {
    for (const size_t count : {0U, 1U, 2U, 500U}) {
      std::vector<Value> records;
      for (size_t i = 0; i < count; ++i) records.push_back(Sample(random));
      const std::string bytes = Write(records, codec);
      const auto read = Read(bytes);
      ASSERT_TRUE(read.ok()) << read.status().ToString();
      EXPECT_EQ(*read, records);
      EXPECT_EQ(Write(records, codec), bytes);  // reproducible
    }
  }
}

TEST(AvroContainer, KeepsSchemaAttributesAndMetadata) {
  const std::string bytes = Write({}, Codec::kDeflate);
  const auto reader = *ContainerReader::Open(bytes);
  EXPECT_EQ(reader->metadata().at("k"), "v");
  EXPECT_EQ(reader->metadata().at("avro.codec"), "deflate");
  const Node& schema = *reader->schema();
  EXPECT_EQ(schema.FindField(4, "?"), 5);
  EXPECT_EQ(schema.FindField(99, "b"), -1);  // a file with ids is not searched by name
  EXPECT_EQ(schema.fields[10].type->element_id, 5);
  EXPECT_TRUE(IsOptional(*schema.fields[5].type));
  EXPECT_EQ(WithoutNull(*schema.fields[5].type).kind, Kind::kString);
}

TEST(AvroContainer, SkipsFieldsById) {
  std::mt19937_64 random(7);
  const std::vector<Value> records = {Sample(random)};
  const auto read = *Read(Write(records, Codec::kNull), {.skip_field_ids = {2, 6}});
  const auto& fields = std::get<std::vector<Value>>(read[0].data);
  EXPECT_TRUE(fields[1].is_null());
  EXPECT_TRUE(fields[10].is_null());
  EXPECT_EQ(fields[2], std::get<std::vector<Value>>(records[0].data)[2]);
}

// Avro specification, "Binary Encoding", the table of zigzag examples.
TEST(AvroEncoder, ZigZag) {
  const std::pair<int64_t, std::string> examples[] = {
      {0, "\0"s}, {-1, "\1"s}, {1, "\2"s}, {-64, "\x7f"s}, {64, "\x80\1"s}, {-2147483648LL, "\xff\xff\xff\xff\x0f"s}};
  for (const auto& [number, bytes] : examples) {
    std::string out;
    Encoder(out).Long(number);
    EXPECT_EQ(out, bytes);
  }
  for (const int64_t number : {std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max()}) {
    std::string out;
    Encoder(out).Long(number);
    EXPECT_EQ(*Decoder(out).Long(), number);
  }
}

TEST(AvroDecoder, RefusesHostileLengths) {
  for (const std::string& bytes : {""s, "\x80"s, std::string(11, '\xff'),
                                   "\x06"
                                   "ab"s,
                                   "\x01"s, "\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01"s}) {
    EXPECT_FALSE(Decoder(bytes).Bytes().ok());
  }
  EXPECT_FALSE(Decoder("\x80\x80\x80\x80\x20"s).Int().ok());
  EXPECT_FALSE(Decoder("\2"s).Bool().ok());
  const NodePtr nulls = *ParseSchema(R"({"type":"array","items":"null"})");
  // 2^60 items of no width.
  std::string bomb;
  Encoder(bomb).Long(int64_t{1} << 60);
  Decoder decoder(bomb);
  int64_t values_left = 1000;
  EXPECT_FALSE(DecodeValue(*nulls, decoder, {}, values_left).ok());
}

TEST(AvroSchema, RefusesWhatIsNoSchema) {
  std::string deep = R"("int")";
  for (int i = 0; i < 200; ++i) deep = R"({"type":"array","items":)" + deep + "}";
  // Each record refers to the one before twice: 2^40 types written out.
  std::string wide = R"({"type":"record","name":"r0","fields":[]})";
  for (int i = 1; i < 40; ++i) {
    const std::string name = "r" + std::to_string(i), last = "r" + std::to_string(i - 1);
    wide = R"({"type":"record","name":")" + name + R"(","fields":[{"name":"a","type":)" + wide +
           R"(},{"name":"b","type":")" + last + R"("}]})";
  }
  for (const std::string& json :
       {"{"s, "7"s, R"("long2")"s, "[]"s, R"([["int"]])"s, R"({"type":"record","name":"r"})"s, R"({"type":"array"})"s,
        R"({"type":"fixed","name":"f","size":-1})"s, R"({"type":"fixed","size":1})"s, R"({"name":"x"})"s,
        R"({"type":"record","name":"r","fields":[{"name":"a","type":["null","r"]}]})"s, deep, wide,
        std::string(100'000, '[')}) {
    const auto schema = ParseSchema(json);
    ASSERT_FALSE(schema.ok()) << json.substr(0, 100);
    EXPECT_EQ(FaultOf(schema.status()), Fault::kBadData);
  }
}

TEST(AvroContainer, EveryDamageIsAnErrorOrRecords) {
  std::mt19937_64 random(11);
  std::vector<Value> records;
  for (int i = 0; i < 5; ++i) records.push_back(Sample(random));
  for (const Codec codec : {Codec::kNull, Codec::kDeflate}) {
    const std::string bytes = Write(records, codec);
    for (size_t i = 0; i < bytes.size(); ++i) {
      std::string damaged = bytes;
      damaged[i] = static_cast<char>(damaged[i] ^ (1 << (random() % 8)));
      if (const auto read = Read(damaged); !read.ok()) {
        ASSERT_EQ(FaultOf(read.status()), Fault::kBadData) << i << " " << read.status().ToString();
      }
      const auto cut = Read(std::string_view(bytes).substr(0, i));
      if (!cut.ok()) continue;
      ASSERT_LT(cut->size(), records.size()) << i;  // only at the end of a block
    }
  }
}

TEST(AvroContainer, LimitsDecompressedBlocks) {
  const std::string zeros(1 << 20, '\0');
  const std::string bomb = *Compress(Codec::kDeflate, zeros);
  EXPECT_EQ(Decompress(Codec::kDeflate, bomb, 1 << 20)->size(), zeros.size());
  EXPECT_THAT(Decompress(Codec::kDeflate, bomb, 1000).status().message(), HasSubstr("larger than the limit"));
}

TEST(AvroContainer, ReadsZstandardAndSnappy) {
  const std::string text = "firn firn firn firn firn";
  std::string zstd(ZSTD_compressBound(text.size()), '\0');
  zstd.resize(ZSTD_compress(zstd.data(), zstd.size(), text.data(), text.size(), 1));
  EXPECT_EQ(*Decompress(Codec::kZstandard, zstd, 1000), text);
  EXPECT_FALSE(Decompress(Codec::kZstandard, zstd.substr(0, zstd.size() - 1), 1000).ok());
  EXPECT_FALSE(Decompress(Codec::kZstandard, zstd, 3).ok());
  // Snappy format description: varint length, then one literal element (tag (length - 1) << 2), then Avro's CRC-32.
  std::string snappy = "\x18"s + static_cast<char>((text.size() - 1) << 2) + text;
  const uLong crc = crc32(0, reinterpret_cast<const Bytef*>(text.data()), static_cast<uInt>(text.size()));
  for (const int shift : {24, 16, 8, 0}) snappy += static_cast<char>((crc >> shift) & 0xFF);
  EXPECT_EQ(*Decompress(Codec::kSnappy, snappy, 1000), text);
  snappy.back() = static_cast<char>(snappy.back() ^ 1);
  EXPECT_FALSE(Decompress(Codec::kSnappy, snappy, 1000).ok());
  EXPECT_FALSE(Decompress(Codec::kSnappy,
                          "\xff\xff\xff\xff\x0f"
                          "abcdefgh"s,
                          1000)
                   .ok());
}

}  // namespace
}  // namespace firn::format::avro
