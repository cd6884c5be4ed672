#include <arrow/buffer.h>
#include <arrow/io/memory.h>
#include <gtest/gtest.h>

#include <random>
#include <string>

#include "format/puffin/reader.h"
#include "format/puffin/writer.h"

namespace firn::format::puffin {
namespace {

using namespace std::string_literals;

std::string FileOf(const std::vector<std::pair<BlobInfo, std::string>>& blobs) {
  auto out = arrow::io::BufferOutputStream::Create().ValueOrDie();
  PuffinWriter writer(*out);
  for (const auto& [info, bytes] : blobs) EXPECT_TRUE(writer.Add(info, bytes).ok());
  const auto size = writer.Finish({{"created-by", "firn"}});
  EXPECT_TRUE(size.ok());
  auto file = out->Finish().ValueOrDie()->ToString();
  EXPECT_EQ(static_cast<size_t>(*size), file.size());
  return file;
}

Result<Footer> FooterOf(const std::string& file) {
  arrow::io::BufferReader reader(arrow::Buffer::FromString(file));
  return ReadFooter(reader);
}

std::string Error(const std::string& file) {
  const auto footer = FooterOf(file);
  if (footer.ok()) return "ok";
  EXPECT_EQ(FaultOf(footer.status()), Fault::kBadData) << footer.status().ToString();
  return footer.status().message();
}

/// A file whose footer is `json`.
std::string FileWith(const std::string& json, const std::string& flags = "\0\0\0\0"s) {
  std::string size(4, '\0');
  for (size_t i = 0; i < 4; ++i) size[i] = static_cast<char>((json.size() >> (8 * i)) & 0xFF);
  return "PFA1PFA1" + json + size + flags + "PFA1";
}

// Puffin specification, "File structure": the smallest file.
TEST(Puffin, ReadsTheEmptyFileOfTheSpecification) {
  const std::string file = FileWith(R"({"blobs":[]})");
  const auto footer = FooterOf(file);
  ASSERT_TRUE(footer.ok()) << footer.status().ToString();
  EXPECT_TRUE(footer->blobs.empty());
  EXPECT_EQ(FooterOf(FileOf({}))->properties.at("created-by"), "firn");
}

TEST(Puffin, ReadsBackWhatItWrote) {
  const std::string large(100'000, 'z');
  const std::string file = FileOf(
      {{{.type = kDeletionVectorV1,
         .fields = {2147483645},
         .properties = {{"referenced-data-file", "s3://ü/a.parquet"}, {"cardinality", "3"}}},
        "one"},
       {{.type = kThetaV1, .fields = {1, 2}, .snapshot_id = 5, .sequence_number = 6, .compression = "zstd"}, large},
       {{.type = "empty"}, ""}});
  EXPECT_LT(file.size(), 2000U);
  arrow::io::BufferReader reader(arrow::Buffer::FromString(file));
  const auto footer = ReadFooter(reader);
  ASSERT_TRUE(footer.ok()) << footer.status().ToString();
  ASSERT_EQ(footer->blobs.size(), 3U);
  EXPECT_EQ(footer->blobs[0].offset, 4);
  EXPECT_EQ(footer->blobs[0].length, 3);
  EXPECT_EQ(footer->blobs[0].snapshot_id, -1);
  EXPECT_EQ(footer->blobs[0].properties.at("referenced-data-file"), "s3://ü/a.parquet");
  EXPECT_EQ(footer->blobs[1].snapshot_id, 5);
  EXPECT_EQ(footer->blobs[1].fields, (std::vector<int32_t>{1, 2}));
  EXPECT_EQ(ReadBlob(reader, footer->blobs[0]).ValueOrDie(), "one");
  EXPECT_EQ(ReadBlob(reader, footer->blobs[1]).ValueOrDie(), large);
  EXPECT_EQ(ReadBlob(reader, footer->blobs[2]).ValueOrDie(), "");
}

TEST(Puffin, ReadsAFooterLargerThanTheFirstRead) {
  std::vector<std::pair<BlobInfo, std::string>> blobs;
  for (int i = 0; i < 2000; ++i) {
    blobs.push_back({{.type = kDeletionVectorV1, .properties = {{"referenced-data-file", std::to_string(i)}}}, "x"});
  }
  const auto footer = FooterOf(FileOf(blobs));
  ASSERT_TRUE(footer.ok()) << footer.status().ToString();
  EXPECT_EQ(footer->blobs[1999].properties.at("referenced-data-file"), "1999");
}

TEST(Puffin, ReadsLz4) {
  // Python: pyarrow.Codec("lz4").compress(b'{"blobs":[]}', asbytes=True)
  const std::string frame = "\x04\x22\x4d\x18\x60\x40\x82\x0c\x00\x00\x80{\"blobs\":[]}\x00\x00\x00\x00"s;
  const auto decompressed = Decompress("lz4", frame, 100);
  ASSERT_TRUE(decompressed.ok()) << decompressed.status().ToString();
  EXPECT_EQ(*decompressed, R"({"blobs":[]})");
  EXPECT_EQ(FooterOf(FileWith(frame, "\1\0\0\0"s))->blobs.size(), 0U);
}

TEST(Puffin, NamesWhatIsWrongWithAFile) {
  EXPECT_NE(Error("PFA1").find("too short"), std::string::npos);
  EXPECT_NE(Error(std::string(40, 'x')).find("magic"), std::string::npos);
  EXPECT_NE(Error(FileWith("{}")).find("no list of blobs"), std::string::npos);
  EXPECT_NE(Error(FileWith("[1]")).find("not a JSON object"), std::string::npos);
  EXPECT_NE(Error(FileWith("{\"blobs\":[1]}")).find("no object"), std::string::npos);
  EXPECT_NE(Error(FileWith("{\"blobs\":[]}", "\2\0\0\0"s)).find("unknown flags"), std::string::npos);
  EXPECT_NE(Error(FileWith("{\"blobs\":[]}", "\0\0\0\1"s)).find("unknown flags"), std::string::npos);
  EXPECT_NE(Error(FileWith("{\"blobs\":[]}", "\1\0\0\0"s)).find("lz4"), std::string::npos);
  const std::string blob = R"({"blobs":[{"type":"t","fields":[],"snapshot-id":1,"sequence-number":1,)";
  EXPECT_NE(Error(FileWith(blob + R"("offset":4,"length":1}]})")).find("outside"), std::string::npos);
  EXPECT_NE(Error(FileWith(blob + R"("offset":4,"length":-1}]})")).find("outside"), std::string::npos);
  EXPECT_NE(Error(FileWith(blob + R"("offset":9223372036854775807,"length":9223372036854775807}]})")).find("outside"),
            std::string::npos);
  EXPECT_NE(Error(FileWith(blob + R"("offset":4.5,"length":0}]})")).find("offset"), std::string::npos);
  EXPECT_NE(Error(FileWith(blob + R"("offset":18446744073709551615,"length":0}]})")).find("offset"), std::string::npos);
}

TEST(Puffin, RefusesUnknownCompressionByName) {
  const std::string file =
      FileWith(R"({"blobs":[{"type":"t","fields":[],"snapshot-id":1,"sequence-number":1,"offset":4,"length":0,)"
               R"("compression-codec":"snappy"}]})");
  arrow::io::BufferReader reader(arrow::Buffer::FromString(file));
  const auto footer = ReadFooter(reader);
  ASSERT_TRUE(footer.ok());
  const auto blob = ReadBlob(reader, footer->blobs[0]);
  ASSERT_FALSE(blob.ok());
  EXPECT_NE(blob.status().message().find("snappy"), std::string::npos);
}

TEST(Puffin, StopsDecompressingAtTheLimit) {
  const std::string file = FileOf({{{.type = "t", .compression = "zstd"}, std::string(1 << 20, 'a')}});
  arrow::io::BufferReader reader(arrow::Buffer::FromString(file));
  const auto footer = ReadFooter(reader).ValueOrDie();
  const std::string frame = file.substr(4, static_cast<size_t>(footer.blobs[0].length));
  EXPECT_FALSE(Decompress("zstd", frame, 1000).ok());
  EXPECT_FALSE(Decompress("zstd", frame.substr(0, frame.size() - 1)).ok());
  EXPECT_FALSE(Decompress("zstd", frame + "x").ok());
  EXPECT_FALSE(Decompress("zstd", "").ok());
  EXPECT_EQ(Decompress("zstd", frame).ValueOrDie().size(), size_t{1} << 20);
}

TEST(Puffin, SurvivesEveryTruncationAndBitFlip) {
  const std::string file =
      FileOf({{{.type = kDeletionVectorV1, .fields = {1}, .properties = {{"a", "b"}}}, "0123456789"},
              {{.type = "z", .compression = "zstd"}, std::string(500, 'q')}});
  for (size_t size = 0; size < file.size(); ++size) EXPECT_NE(Error(file.substr(0, size)), "ok") << size;
  for (size_t bit = 0; bit < file.size() * 8; ++bit) {
    std::string flipped = file;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    arrow::io::BufferReader reader(arrow::Buffer::FromString(flipped));
    const auto footer = ReadFooter(reader);
    if (!footer.ok()) continue;
    for (const auto& blob : footer->blobs) static_cast<void>(ReadBlob(reader, blob));
  }
}

}  // namespace
}  // namespace firn::format::puffin
