#include "table/delete/deletion_vector.h"

#include <gtest/gtest.h>

#include <string>

#include "format/puffin/reader.h"
#include "table/delete/delete_test_support.h"

namespace firn::table {
namespace {

using testing::Must;
using testing::TestFolder;

std::string Error(const std::string& blob) {
  const auto decoded = DecodeDeletionVector(blob);
  if (decoded.ok()) return "ok";
  EXPECT_EQ(FaultOf(decoded.status()), Fault::kBadData);
  return decoded.status().message();
}

// Puffin specification, "deletion-vector-v1 blob type". The checksum is of zlib.crc32 in Python over magic and vector.
// pyiceberg#2822, #3474: other `fields` in the footer than the specification names.
TEST(DeletionVector, HasTheBytesOfTheSpecification) {
  const std::string blob = EncodeDeletionVector(PositionSet::Of(std::vector<int64_t>{1, 3, 65535}));
  ASSERT_EQ(blob.size(), 4U + 4 + 8 + 4 + 22 + 4);
  EXPECT_EQ(blob.substr(0, 8), std::string("\0\0\0\x26\xD1\xD3\x39\x64", 8));
  // python3: zlib.crc32(bytes.fromhex('d1d33964' '0100000000000000' '00000000' '3a30000001000000' '00000200'
  //                                   '10000000' '01000300ffff'))
  const auto crc = blob.substr(blob.size() - 4);
  EXPECT_EQ(crc, std::string("\x99\xcf\xbb\x83", 4));
  EXPECT_EQ(DecodeDeletionVector(blob).ValueOrDie(), PositionSet::Of(std::vector<int64_t>{1, 3, 65535}));
}

TEST(DeletionVector, EveryTruncationAndBitFlipIsAnError) {
  PositionSet positions = PositionSet::Of(std::vector<int64_t>{1, 5, 9, int64_t{3} << 32});
  positions.AddRange(70'000, 70'100);
  const std::string blob = EncodeDeletionVector(positions);
  for (size_t size = 0; size < blob.size(); ++size) EXPECT_NE(Error(blob.substr(0, size)), "ok") << size;
  for (size_t bit = 0; bit < blob.size() * 8; ++bit) {
    std::string flipped = blob;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_NE(Error(flipped), "ok") << bit;
  }
  EXPECT_NE(Error(blob + "x").find("length"), std::string::npos);
}

// starrocks#76228: vectors of several data files share one Puffin file, apart by their offsets. pyiceberg 2822, 3474:
// `fields` must be the id of _pos.
TEST(DeletionVector, ManyShareAFile) {
  TestFolder folder;
  const auto files = io::MakeLocalFileStore();
  const std::string location = folder.location() + "/v.puffin";
  auto writer = Must(DeletionVectorFileWriter::Open(*files, location));
  for (int64_t i = 1; i <= 50; ++i) {
    PositionSet positions;
    positions.AddRange(i, 3 * i);
    FIRN_ASSERT_OK(writer->Add({.file_path = "data-" + std::to_string(i), .spec_id = 4}, positions));
  }
  EXPECT_EQ(FaultOf(writer->Add({.file_path = "data-1"}, PositionSet::Of(std::vector<int64_t>{1}))), Fault::kBug);
  const auto entries = Must(writer->Finish());
  ASSERT_EQ(entries.size(), 50U);
  auto input = Must(files->OpenInput(location));
  const auto footer = Must(format::puffin::ReadFooter(*input));
  EXPECT_TRUE(footer.properties.at("created-by").starts_with("firn"));
  for (size_t i = 0; i < 50; ++i) {
    const auto n = static_cast<int64_t>(i) + 1;
    PositionSet expected;
    expected.AddRange(n, 3 * n);
    EXPECT_EQ(Must(ReadDeletionVector(*files, entries[i])), expected);
    EXPECT_EQ(entries[i].file_size_bytes, Must(files->Size(location)));
    EXPECT_EQ(entries[i].content, FileContent::kPositionDeletes);
    EXPECT_EQ(entries[i].file_format, FileFormat::kPuffin);
    EXPECT_EQ(entries[i].spec_id, 4);
    const auto& blob = footer.blobs[i];
    EXPECT_EQ(blob.type, "deletion-vector-v1");
    EXPECT_EQ(blob.fields, std::vector<int32_t>{2147483645});
    EXPECT_EQ(blob.snapshot_id, -1);
    EXPECT_EQ(blob.sequence_number, -1);
    EXPECT_EQ(blob.compression, "");
    EXPECT_EQ(blob.offset, entries[i].content_offset);
    EXPECT_EQ(blob.length, entries[i].content_size_bytes);
    EXPECT_EQ(blob.properties.at("referenced-data-file"), "data-" + std::to_string(n));
    EXPECT_EQ(blob.properties.at("cardinality"), std::to_string(2 * n));
  }
}

TEST(DeletionVector, RefusesAnEntryThatLies) {
  TestFolder folder;
  const auto files = io::MakeLocalFileStore();
  auto writer = Must(DeletionVectorFileWriter::Open(*files, folder.location() + "/v.puffin"));
  FIRN_ASSERT_OK(writer->Add({.file_path = "a"}, PositionSet::Of(std::vector<int64_t>{1, 2})));
  const DataFile good = Must(writer->Finish())[0];
  FIRN_ASSERT_OK(ReadDeletionVector(*files, good).status());
  const auto fault = [&](DataFile entry) { return FaultOf(ReadDeletionVector(*files, entry).status()); };
  DataFile entry = good;
  entry.record_count = 3;
  EXPECT_NE(ReadDeletionVector(*files, entry).status().message().find("the manifest says 3"), std::string::npos);
  for (const auto& [offset, size] : std::vector<std::pair<int64_t, int64_t>>{
           {-1, 10}, {4, -1}, {4, 10}, {5, *good.content_size_bytes}, {4, int64_t{1} << 40}, {1 << 20, 10}}) {
    entry = good;
    entry.content_offset = offset;
    entry.content_size_bytes = size;
    EXPECT_EQ(fault(entry), Fault::kBadData) << offset << " " << size;
  }
}

TEST(DeletionVector, AWriterThatIsNotFinishedLeavesNoFile) {
  TestFolder folder;
  const auto files = io::MakeLocalFileStore();
  {
    auto writer = Must(DeletionVectorFileWriter::Open(*files, folder.location() + "/v.puffin"));
    FIRN_ASSERT_OK(writer->Add({.file_path = "a"}, PositionSet::Of(std::vector<int64_t>{1})));
  }
  EXPECT_EQ(folder.CountFiles(), 0);
}

}  // namespace
}  // namespace firn::table
