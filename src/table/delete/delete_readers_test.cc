#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "table/delete/delete_test_support.h"
#include "table/delete/delete_writer.h"

// DuckDB and pyiceberg read the deletes we write (testdata/read_deletes.py).
namespace firn::table {
namespace {

using testing::EntryOf;
using testing::MetadataOf;
using testing::Must;
using testing::TestFolder;

std::string ReadersPython() {
  if (const char* named = std::getenv("FIRN_READERS_PYTHON")) return named;
  const char* home = std::getenv("HOME");
  return std::string(home == nullptr ? "" : home) + "/.cache/firn-build/readers/bin/python";
}

std::string Json(const ManifestEntry& entry) {
  const DataFile& file = entry.file;
  std::string text =
      "{\"content\":" + std::to_string(static_cast<int>(file.content)) + ",\"path\":\"" + file.file_path +
      "\",\"format\":\"" + (file.file_format == FileFormat::kPuffin ? "PUFFIN" : "PARQUET") +
      "\",\"records\":" + std::to_string(file.record_count) + ",\"bytes\":" + std::to_string(file.file_size_bytes) +
      ",\"sequence\":" + std::to_string(*entry.sequence_number);
  if (file.referenced_data_file) text += ",\"referenced\":\"" + *file.referenced_data_file + "\"";
  if (file.content_offset) text += ",\"offset\":" + std::to_string(*file.content_offset);
  if (file.content_size_bytes) text += ",\"size\":" + std::to_string(*file.content_size_bytes);
  const auto bound = file.lower_bounds.find(2147483546);
  if (bound != file.lower_bounds.end()) text += ",\"bound\":\"" + bound->second + "\"";
  return text + "}";
}

class DeleteReaders : public ::testing::TestWithParam<int32_t> {};

TEST_P(DeleteReaders, AgreeOnWhatWeDelete) {
  const std::string python = ReadersPython();
  if (!std::filesystem::exists(python)) GTEST_SKIP() << "no readers: " << python << " is missing";
  TestFolder folder;
  const auto files = io::MakeLocalFileStore();
  const schema::Schema schema{.fields = {{.id = 1, .name = "id", .type = schema::Long()}}};
  const auto metadata = std::make_shared<TableMetadata>(MetadataOf(schema));
  auto reader = DeleteReader::Make(*files, metadata);
  std::vector<ManifestEntry> data, deletes;
  std::string ids;
  const auto commit = [&](int64_t step) {
    DeleteIndex index(*metadata);
    for (const auto& entry : deletes) EXPECT_TRUE(index.Add(entry).ok());
    auto writer =
        Must(DeleteWriter::Make(*files, *reader, {.format_version = GetParam(), .location = folder.location()}));
    for (size_t f = 0; f < data.size(); ++f) {
      PositionSet rows;  // single rows, a run, and for file 2 every second row (a bitset)
      if (f < 2) rows.AddMany(std::vector<int64_t>{step, 100 * step, 19'999});
      if (f == 1) rows.AddRange(5000 * step, 5000 * step + 2000);
      for (int64_t row = step; f == 2 && row < 20'000; row += 2) rows.Add(row);
      EXPECT_TRUE(writer->Delete(data[f], Must(index.For(data[f])), rows).ok());
    }
    const auto changes = Must(writer->Finish());
    for (const auto& removed : changes.removed) std::erase(deletes, removed);
    for (const auto& added : changes.added) deletes.push_back(EntryOf(added, 1 + step));
  };
  for (int64_t f = 0; f < 4; ++f) {
    arrow::Int64Builder builder;
    for (int64_t row = 0; row < 20'000; ++row) ASSERT_TRUE(builder.Append(f * 1'000'000 + row).ok());
    auto writer = Must(DataFileWriter::Open(*files, {.schema = std::make_shared<schema::Schema>(schema),
                                                     .location = folder.location() + "/data/d" + std::to_string(f)}));
    FIRN_ASSERT_OK(
        writer->Write(arrow::RecordBatch::Make(schema::ToArrowSchema(schema), 20'000, {Must(builder.Finish())})));
    data.push_back(EntryOf(Must(writer->Finish()), 1));
  }
  commit(1);
  commit(2);
  DeleteIndex index(*metadata);
  for (const auto& entry : deletes) FIRN_ASSERT_OK(index.Add(entry));
  for (const auto& entry : data) {
    const auto deleted = Must(reader->DeletedRows(entry, Must(index.For(entry))));
    for (const int64_t id : testing::LongsOf(*Must(OpenLiveRows(*files, entry.file, deleted, schema)))) {
      ids += (ids.empty() ? "" : ",") + std::to_string(id);
    }
  }
  std::string list;
  for (const auto* entries : {&data, &deletes}) {
    for (const auto& entry : *entries) list += (list.empty() ? "" : ",") + Json(entry);
  }
  std::ofstream(folder.path() + "/table.json")
      << "{\"version\":" << GetParam() << ",\"location\":\"" << folder.location() << "\",\"ids\":[" << ids
      << "],\"files\":[" << list << "]}";
  const auto script = std::filesystem::path(__FILE__).parent_path() / "testdata/read_deletes.py";
  const std::string command = python + " " + script.string() + " " + folder.path() + "/table.json 2>&1";
  EXPECT_EQ(std::system(command.c_str()), 0);
}

INSTANTIATE_TEST_SUITE_P(Versions, DeleteReaders, ::testing::Values(2, 3));

}  // namespace
}  // namespace firn::table
