#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "table/manifest/manifest_list.h"
#include "table/manifest/manifest_reader.h"
#include "table/manifest/manifest_writer.h"
#include "table/metadata/metadata_json.h"
#include "table/metadata/update.h"

// fastavro and pyiceberg read what we write, and we read what pyiceberg writes.
namespace firn::table {
namespace {

using namespace std::string_literals;
namespace fs = std::filesystem;

// Reads metadata, list and manifest with pyiceberg and fastavro and compares with what was written; then lets pyiceberg
// write a manifest and a list of its own into the same folder.
constexpr char kScript[] = R"py(
import datetime, decimal, sys, uuid
import fastavro
from pyiceberg.io.pyarrow import PyArrowFileIO
from pyiceberg.manifest import (DataFile, DataFileContent, FileFormat, ManifestContent, ManifestEntry,
                                ManifestEntryStatus, write_manifest, write_manifest_list)
from pyiceberg.table import StaticTable
from pyiceberg.typedef import Record

root = sys.argv[1]
def same(found, wanted, what):
    if found != wanted: sys.exit(f"{what}: {found!r} != {wanted!r}")

with open(root + "/m0.avro", "rb") as file:
    reader = fastavro.reader(file)
    schema = reader.writer_schema
    same(schema["name"], "manifest_entry", "record name")
    same([f["field-id"] for f in schema["fields"]], [0, 1, 3, 4, 2], "field ids")
    row = next(reader)
    same(row["status"], 1, "status")
    same(row["sequence_number"], None, "sequence_number")
    part = row["data_file"]["partition"]
    same(part["at_day"], datetime.date(2017, 11, 16), "day")
    same(part["price"], decimal.Decimal("-14.20"), "price")
    same(uuid.UUID(bytes=part["key"]), uuid.UUID("f79c3e09-677c-4bbd-a479-3f349cb785e7"), "uuid")
    same(row["data_file"]["column_sizes"], [{"key": 1, "value": 400}], "column sizes")
with open(root + "/snap.avro", "rb") as file:
    row = next(fastavro.reader(file))
    same(row["partitions"][0]["contains_null"], False, "contains_null")
    same(row["sequence_number"], 1, "list sequence number")

table = StaticTable.from_metadata("file://" + root + "/v1.metadata.json")
snapshot = table.current_snapshot()
manifests = snapshot.manifests(table.io)
same(len(manifests), 1, "manifests")
same(manifests[0].added_rows_count, 10, "rows")
entries = manifests[0].fetch_manifest_entry(table.io)
same(len(entries), 1, "entries")
entry = entries[0]
same(entry.sequence_number, 1, "inherited sequence number")
data = entry.data_file
same(data.file_path, "file:///lake/a.parquet", "path")
same(data.record_count, 10, "record count")
same(data.lower_bounds, {1: b"\x01\0\0\0\0\0\0\0"}, "lower bounds")
same(data.split_offsets, [4, 500], "split offsets")
same([data.partition[i] for i in range(3)][0], 17486, "pyiceberg day")
same([task.file.file_path for task in table.scan().plan_files()], ["file:///lake/a.parquet"], "planned files")
same([task.file.file_path for task in table.scan(row_filter="price > 0").plan_files()], [], "pruned by partition")

io = PyArrowFileIO()
meta = table.metadata
with write_manifest(2, meta.spec(), meta.schema(), io.new_output("file://" + root + "/py-m.avro"), 42, "deflate") as writer:
    writer.add_entry(ManifestEntry.from_args(status=ManifestEntryStatus.ADDED, snapshot_id=42, data_file=DataFile.from_args(
        content=DataFileContent.DATA, file_path="file:///lake/p.parquet", file_format=FileFormat.PARQUET,
        partition=data.partition, record_count=7, file_size_in_bytes=8, column_sizes={1: 2}, value_counts={1: 7},
        null_value_counts={1: 0}, nan_value_counts={}, lower_bounds={1: b"\x01\0\0\0\0\0\0\0"}, upper_bounds={},
        split_offsets=[4], sort_order_id=None, spec_id=0)))
manifest = writer.to_manifest_file()
with write_manifest_list(2, io.new_output("file://" + root + "/py-l.avro"), 42, None, 5, "deflate") as writer:
    writer.add_manifests([manifest])
print("foreign readers agree")
)py";

std::string Python() {
  if (const char* named = std::getenv("FIRN_READERS_PYTHON")) return named;
  const char* home = std::getenv("HOME");
  return (home == nullptr ? "" : home) + "/.cache/firn-build/readers/bin/python"s;
}

void WriteFile(const fs::path& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

std::string ReadFile(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// A folder that goes away with the test.
class TempFolder {
 public:
  TempFolder() {
    std::string pattern = (fs::temp_directory_path() / "firn-manifest-XXXXXX").string();
    path_ = mkdtemp(pattern.data());
  }
  ~TempFolder() { fs::remove_all(path_); }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

SchemaPtr TableSchema() {
  return std::make_shared<const schema::Schema>(
      schema::Schema{.fields = {{.id = 1, .name = "id", .type = schema::Long(), .required = true},
                                {.id = 2, .name = "at", .type = schema::TimestampTz()},
                                {.id = 3, .name = "price", .type = schema::Decimal(9, 2)},
                                {.id = 4, .name = "key", .type = schema::Uuid()}}});
}

PartitionSpec Spec() {
  return {.spec_id = 0,
          .fields = {{.source_id = 2, .field_id = 1000, .name = "at_day", .transform = {.kind = Transform::Kind::kDay}},
                     {.source_id = 3, .field_id = 1001, .name = "price", .transform = {}},
                     {.source_id = 4, .field_id = 1002, .name = "key", .transform = {}}}};
}

DataFile MakeFile() {
  return {.file_path = "file:///lake/a.parquet",
          .partition = {{.type = schema::Date(), .value = int32_t{17486}},
                        {.type = schema::Decimal(9, 2), .value = Int128{-1420}},
                        {.type = schema::Uuid(),
                         .value = "\xf7\x9c\x3e\x09\x67\x7c\x4b\xbd\xa4\x79\x3f\x34\x9c\xb7\x85\xe7"s}},
          .record_count = 10,
          .file_size_bytes = 1000,
          .column_sizes = {{1, 400}},
          .value_counts = {{1, 10}},
          .null_value_counts = {{1, 0}},
          .lower_bounds = {{1, "\1\0\0\0\0\0\0\0"s}},
          .upper_bounds = {{1, "\2\0\0\0\0\0\0\0"s}},
          .split_offsets = {4, 500}};
}

constexpr SnapshotId kSnapshot{3055729675574597004};

void WriteTable(const fs::path& root) {
  const std::string base = "file://" + root.string();
  auto writer = *ManifestWriter::Make({.schema = TableSchema(), .spec = Spec(), .snapshot_id = kSnapshot});
  ASSERT_TRUE(writer->Add(MakeFile()).ok());
  EncodedManifest manifest = *writer->Finish();
  manifest.file.manifest_path = base + "/m0.avro";
  WriteFile(root / "m0.avro", manifest.bytes);
  const std::vector<ManifestFile> manifests = {manifest.file};
  WriteFile(root / "snap.avro", *EncodeManifestList({.snapshot_id = kSnapshot, .sequence_number = 1}, manifests));
  const Snapshot snapshot{.snapshot_id = kSnapshot,
                          .sequence_number = 1,
                          .timestamp_ms = 1'700'000'000'000,
                          .manifest_list = base + "/snap.avro",
                          .summary = {{"operation", "append"}},
                          .schema_id = 0};
  const std::vector<TableUpdate> updates = {update::SetLocation{base},
                                            update::AddSchema{TableSchema()},
                                            update::SetCurrentSchema{},
                                            update::AddSpec{Spec()},
                                            update::SetDefaultSpec{},
                                            update::AddSnapshot{snapshot},
                                            update::SetSnapshotRef{"main", {.snapshot_id = kSnapshot}}};
  const auto metadata = ApplyUpdates(nullptr, updates, {.now_ms = 1'700'000'000'000});
  ASSERT_TRUE(metadata.ok()) << metadata.status().ToString();
  WriteFile(root / "v1.metadata.json", *WriteMetadata(*metadata));
}

void ReadWhatPyicebergWrote(const fs::path& root) {
  const auto list = DecodeManifestList(ReadFile(root / "py-l.avro"));
  ASSERT_TRUE(list.ok()) << list.status().ToString();
  ASSERT_EQ(list->size(), 1U);
  EXPECT_EQ((*list)[0].sequence_number, 5);
  EXPECT_EQ((*list)[0].partitions->size(), 3U);
  const auto partition = *PartitionFields(Spec(), *TableSchema());
  const auto entries = ReadManifest(ReadFile(root / "py-m.avro"), (*list)[0], {.partition_fields = partition});
  ASSERT_TRUE(entries.ok()) << entries.status().ToString();
  ASSERT_EQ(entries->size(), 1U);
  EXPECT_EQ((*entries)[0].file.partition, MakeFile().partition);
  EXPECT_EQ((*entries)[0].sequence_number, 5);
  EXPECT_EQ((*entries)[0].file.record_count, 7);
  EXPECT_EQ((*entries)[0].file.lower_bounds, MakeFile().lower_bounds);
}

TEST(ManifestForeignReaders, FastavroAndPyicebergAgree) {
  const std::string python = Python();
  if (!fs::exists(python)) GTEST_SKIP() << "no Python with pyiceberg and fastavro: set FIRN_READERS_PYTHON";
  const TempFolder folder;
  ASSERT_NO_FATAL_FAILURE(WriteTable(folder.path()));
  WriteFile(folder.path() / "check.py", kScript);
  const std::string output = folder.path() / "output";
  const std::string command = "'" + python + "' '" + (folder.path() / "check.py").string() + "' '" +
                              folder.path().string() + "' > '" + output + "' 2>&1";
  ASSERT_EQ(std::system(command.c_str()), 0) << ReadFile(output);
  ReadWhatPyicebergWrote(folder.path());
}

}  // namespace
}  // namespace firn::table
