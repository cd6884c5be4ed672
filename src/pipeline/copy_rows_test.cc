#include "pipeline/copy_rows.h"

#include <arrow/array.h>
#include <arrow/buffer.h>
#include <arrow/io/compressed.h>
#include <arrow/io/file.h>
#include <arrow/io/memory.h>
#include <arrow/record_batch.h>
#include <arrow/table.h>
#include <arrow/util/compression.h>
#include <gtest/gtest.h>
#include <parquet/arrow/reader.h>

#include <filesystem>
#include <fstream>
#include <random>

#include "io/local_file_store.h"
#include "io/temporary_folder.h"
#include "pipeline/lines_source.h"

namespace firn::pipeline {
namespace {

class CopyRows : public testing::Test {
 protected:
  std::string Write(const std::string& name, const std::string& text) {
    const std::string path = folder_.path() + "/" + name;
    std::ofstream(path, std::ios::binary) << text;
    return path;
  }

  std::unique_ptr<source::Source> Open(const std::string& path, int64_t chunk_bytes = int64_t{2} << 20,
                                       int64_t ahead_bytes = 0) {
    return *MakeLinesSource({.path = path, .table = "rows", .chunk_bytes = chunk_bytes, .ahead_bytes = ahead_bytes});
  }

  Result<std::string> Lines(const std::string& path) {
    std::string text;
    const auto source = Open(path);
    ARROW_RETURN_NOT_OK(CopyToLines(*source, "rows",
                                    [&](std::string_view piece) {
                                      text += piece;
                                      return Status::OK();
                                    },
                                    {})
                            .status());
    return text;
  }

  Result<CopyResult> Parquet(source::Source& source, int threads, int64_t prefix_bytes = int64_t{64} << 20) {
    ParquetCopyOptions options{.path = folder_.path() + "/out.parquet", .threads = threads, .hash = true};
    options.reader.prefix_bytes = prefix_bytes;
    options.reader.on_bad = format::json::OnBadRecord::kFail;
    return CopyToParquet(source, "rows", *files_, std::move(options), {});
  }

  std::shared_ptr<arrow::Table> ReadBack() {
    auto file = *arrow::io::ReadableFile::Open(folder_.path() + "/out.parquet");
    auto reader = *parquet::arrow::OpenFile(file, arrow::default_memory_pool());
    return *reader->ReadTable();
  }

  std::vector<std::string> Names() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(folder_.path())) {
      names.push_back(entry.path().filename().string());
    }
    std::sort(names.begin(), names.end());
    return names;
  }

  io::TemporaryFolder folder_;
  std::unique_ptr<io::FileStore> files_ = io::MakeLocalFileStore();
};

// Half way a column is added and another one changes its type.
std::string DriftingRows(int count, uint32_t seed) {
  std::mt19937 random(seed);
  std::string text;
  for (int i = 0; i < count; ++i) {
    text += "{\"id\":" + std::to_string(i) + ",\"n\":";
    text += i < count / 2 ? std::to_string(random() % 1000) : "\"x" + std::to_string(random() % 1000) + "\"";
    if (i >= count / 2) text += ",\"late\":{\"a\":[" + std::to_string(i) + "]}";
    text += "}\n";
  }
  return text;
}

TEST_F(CopyRows, ThreadsAndChunksChangeNothing) {
  const std::string path = Write("a.ndjson", DriftingRows(4000, 7));
  std::string hash;
  for (const int threads : {1, 2, 4}) {
    for (const int64_t chunk_bytes : {200, 5'000, 1 << 20}) {
      const auto source = Open(path, chunk_bytes, threads > 1 ? 64 << 10 : 0);
      const auto result = Parquet(*source, threads, /*prefix_bytes=*/8 << 10);
      ASSERT_TRUE(result.ok()) << result.status().ToString();
      EXPECT_EQ(result->rows, 4000);
      if (hash.empty()) hash = result->hash;
      EXPECT_EQ(result->hash, hash) << "threads " << threads << ", chunks of " << chunk_bytes;
    }
  }
}

// The first half is long enough that its types are taken for those of all, and the second half says otherwise.
TEST_F(CopyRows, TypesGuessedWrongCostNoRow) {
  const std::string path = Write("a.ndjson", DriftingRows(40'000, 5));
  std::string hash;
  for (const int threads : {1, 2, 4}) {
    for (const int64_t chunk_bytes : {20'000, 300'000, 4 << 20}) {
      const auto source = Open(path, chunk_bytes, threads > 1 ? 64 << 10 : 0);
      const auto result = Parquet(*source, threads);
      ASSERT_TRUE(result.ok()) << result.status().ToString();
      EXPECT_EQ(result->rows, 40'000);
      EXPECT_EQ(result->report.rows, 40'000);
      if (hash.empty()) hash = result->hash;
      EXPECT_EQ(result->hash, hash) << "threads " << threads << ", chunks of " << chunk_bytes;
      EXPECT_EQ(Names(), (std::vector<std::string>{"a.ndjson", "out.parquet"}));
      const auto table = ReadBack();
      ASSERT_EQ(table->num_rows(), 40'000);
      EXPECT_EQ(table->GetColumnByName("n")->null_count(), 20'000);
      EXPECT_EQ(table->GetColumnByName("n__string")->null_count(), 20'000);
    }
  }
}

TEST_F(CopyRows, GrowingSchemasEndInOneFile) {
  const auto source = Open(Write("a.ndjson", DriftingRows(1000, 3)), 1'000);
  const auto result = Parquet(*source, 2, /*prefix_bytes=*/4 << 10);
  ASSERT_TRUE(result.ok()) << result.status().ToString();
  EXPECT_FALSE(result->changes.empty());
  EXPECT_EQ(Names(), (std::vector<std::string>{"a.ndjson", "out.parquet"}));
  const auto table = ReadBack();
  ASSERT_EQ(table->num_rows(), 1000);
  EXPECT_EQ(table->GetColumnByName("n")->null_count(), 500);
  EXPECT_EQ(table->GetColumnByName("n__string")->null_count(), 500);
  EXPECT_EQ(table->GetColumnByName("late")->null_count(), 500);
  EXPECT_EQ(table->GetColumnByName("id")->null_count(), 0);
}

TEST_F(CopyRows, AFailureLeavesTheTargetAsItWas) {
  const std::string good = Write("good.ndjson", "{\"a\":1}\n{\"a\":2}\n");
  ASSERT_TRUE(Parquet(*Open(good), 1).ok());
  const std::string bad = Write("bad.ndjson", "{\"a\":1}\n{\"a\":\n");
  for (const int threads : {1, 2}) {
    EXPECT_EQ(FaultOf(Parquet(*Open(bad), threads).status()), Fault::kBadData);
    EXPECT_EQ(Names(), (std::vector<std::string>{"bad.ndjson", "good.ndjson", "out.parquet"}));
    EXPECT_EQ(ReadBack()->num_rows(), 2);
  }
}

TEST_F(CopyRows, NothingToWriteIsAnError) {
  EXPECT_EQ(ContextOf(Parquet(*Open(Write("a.ndjson", "\n \n")), 2).status())->code, "E0840");
  EXPECT_FALSE(std::filesystem::exists(folder_.path() + "/out.parquet"));
}

TEST_F(CopyRows, TextIsTheRecordsAsTheyCame) {
  EXPECT_EQ(*Lines(Write("a.ndjson", "{\"a\":1.50}\n\n{\"a\" : \"x\\n\"}")), "{\"a\":1.50}\n{\"a\" : \"x\\n\"}\n");
  EXPECT_EQ(*Lines(Write("b.json", "[{\"a\":1},\n {\"a\":\n  2}]")), "{\"a\":1}\n{\"a\":   2}\n");
  EXPECT_EQ(*Lines(Write("c.json", "{\"meta\":{},\"data\":[{\"a\":1},{\"a\":2}]}")), "{\"a\":1}\n{\"a\":2}\n");
  EXPECT_EQ(*Lines(Write("d.json", "{\"a\":1}\n{\"a\":2}\n")), "{\"a\":1}\n{\"a\":2}\n");
  EXPECT_EQ(*Lines(Write("e.ndjson", "{\"tags\":[{\"a\":1},{\"a\":2}]}\n")), "{\"tags\":[{\"a\":1},{\"a\":2}]}\n");
  EXPECT_EQ(*Lines(Write("f.json", "")), "");
  EXPECT_EQ(FaultOf(Lines(Write("g.ndjson", "{\"a\":\"\n{\"a\":1}\n")).status()), Fault::kBadData);
  EXPECT_EQ(FaultOf(Lines(folder_.path() + "/missing").status()), Fault::kConfig);
}

TEST_F(CopyRows, CompressionIsUndone) {
  for (const auto type : {arrow::Compression::GZIP, arrow::Compression::ZSTD}) {
    auto bytes = *arrow::io::BufferOutputStream::Create();
    auto codec = *arrow::util::Codec::Create(type);
    auto out = *arrow::io::CompressedOutputStream::Make(codec.get(), bytes);
    ASSERT_TRUE(out->Write("{\"a\":1}\n{\"a\":2}\n").ok());
    ASSERT_TRUE(out->Close().ok());
    EXPECT_EQ(*Lines(Write("a.packed", (*bytes->Finish())->ToString())), "{\"a\":1}\n{\"a\":2}\n");
  }
}

TEST_F(CopyRows, StopsWhenTheReaderOfTextGoesAway) {
  const auto source = Open(Write("a.ndjson", DriftingRows(1000, 1)), 1'000, 16 << 10);
  int calls = 0;
  const auto result = CopyToLines(*source, "rows",
                                  [&](std::string_view) {
                                    ++calls;
                                    return MakeError(Fault::kCancelled, "stdout was closed");
                                  },
                                  {});
  EXPECT_EQ(FaultOf(result.status()), Fault::kCancelled);
  EXPECT_EQ(calls, 1);
}

}  // namespace
}  // namespace firn::pipeline
