#include <gtest/gtest.h>

#include <functional>
#include <regex>
#include <string>

#include "format/avro/container_reader.h"
#include "table/manifest/manifest_list.h"
#include "table/manifest/manifest_reader.h"
#include "table/manifest/manifest_writer.h"

/// Manifests and lists as other writers left them: without ids, keys or numbers that the specification asks for.
namespace firn::table {
namespace {

using format::avro::ContainerReader;

schema::Schema TableSchema() {
  return {.fields = {{.id = 1, .name = "id", .type = schema::Long()}, {.id = 2, .name = "n", .type = schema::Long()}}};
}

std::string Bound(int64_t value) {
  return ToSingleValue({.type = schema::Long(), .value = value});
}

DataFile File(const std::string& name, int64_t low, int64_t high) {
  return {.file_path = "file:///" + name,
          .record_count = 3,
          .file_size_bytes = 100,
          .lower_bounds = {{1, Bound(low)}},
          .upper_bounds = {{1, Bound(high)}}};
}

EncodedManifest Encoded() {
  auto writer = *ManifestWriter::Make(
      {.schema = std::make_shared<const schema::Schema>(TableSchema()), .snapshot_id = SnapshotId{77}});
  EXPECT_TRUE(writer->Add(File("a.parquet", 1, 5)).ok());
  EXPECT_TRUE(writer->Add(File("b.parquet", 100, 200)).ok());
  EncodedManifest manifest = *writer->Finish();
  manifest.file.manifest_path = "file:///m.avro";
  return manifest;
}

// The content of a container under another schema text of the same shape, and without some keys.
std::string Rewritten(const std::string& bytes, const std::function<std::string(std::string)>& schema,
                      const std::vector<std::string>& without = {}) {
  const auto reader = *ContainerReader::Open(bytes);
  std::string out = bytes;
  const auto replace = [&](const std::string& from, const std::string& to) {
    const size_t at = out.find(from);
    ASSERT_NE(at, std::string::npos);
    out.replace(at, from.size(), to);
  };
  const std::string old = reader->metadata().at("avro.schema");
  std::string changed = schema(old);
  EXPECT_LE(changed.size(), old.size()) << "must fit where it was";
  if (changed.size() > old.size()) return "";
  changed.append(old.size() - changed.size(), ' ');  // JSON may end in spaces, so that no length changes
  replace(old, changed);
  for (const std::string& key : without) {
    for (size_t at = out.find(key); at != std::string::npos; at = out.find(key)) out[at] = 'x';
    EXPECT_FALSE((*ContainerReader::Open(out))->metadata().contains(key));
  }
  return out;
}

// duckdb-iceberg#321: S3 Tables wrote lists without field ids. The names are those of the specification.
TEST(ForeignManifests, FieldsWithoutIdsAreFoundByName) {
  const EncodedManifest manifest = Encoded();
  const auto no_ids = [](const std::string& schema) {
    return std::regex_replace(schema, std::regex(R"re(,?"(field|element)-id":\d+)re"), "");
  };
  const std::string list =
      *EncodeManifestList({.snapshot_id = SnapshotId{77}, .sequence_number = 4}, {&manifest.file, 1});
  const auto read = DecodeManifestList(Rewritten(list, no_ids));
  ASSERT_TRUE(read.ok()) << read.status().ToString();
  EXPECT_EQ(*read, *DecodeManifestList(list));
  const auto entries = ReadManifest(Rewritten(manifest.bytes, no_ids), read->front(), {});
  ASSERT_TRUE(entries.ok()) << entries.status().ToString();
  EXPECT_EQ(entries->at(1).file, File("b.parquet", 100, 200));
}

// iceberg-rust#2682: a manifest is read by the table's metadata, whether or not it has `schema` and the other keys.
TEST(ForeignManifests, KeysOfAManifestAreNotNeeded) {
  const EncodedManifest manifest = Encoded();
  const auto same = [](std::string schema) { return schema; };
  ManifestFile file = manifest.file;
  file.sequence_number = 4;
  const auto entries =
      ReadManifest(Rewritten(manifest.bytes, same, {"schema-id", "partition-spec-id", "format-version"}), file, {});
  ASSERT_TRUE(entries.ok()) << entries.status().ToString();
  EXPECT_EQ(entries->size(), 2U);
  EXPECT_EQ(entries->front().sequence_number, 4);
}

// ClickHouse#112431: BigQuery wrote version 2 without sequence numbers. They are those of version 1 then: 0.
TEST(ForeignManifests, ListsWithoutSequenceNumbersAreOfSequenceZero) {
  const EncodedManifest manifest = Encoded();
  const std::string list =
      *EncodeManifestList({.snapshot_id = SnapshotId{77}, .sequence_number = 4}, {&manifest.file, 1});
  const auto hidden = [](std::string schema) {
    for (const char* name : {"\"sequence_number\"", "\"min_sequence_number\""}) {
      const size_t at = schema.find(name);
      EXPECT_NE(at, std::string::npos);
      schema[at + 1] = 'x';
    }
    for (const char* id : {"515", "516"}) schema.replace(schema.find(id), 3, "915");
    return schema;
  };
  const auto read = DecodeManifestList(Rewritten(list, hidden));
  ASSERT_TRUE(read.ok()) << read.status().ToString();
  EXPECT_EQ(read->front().sequence_number, 0);
  const auto entries = ReadManifest(manifest.bytes, read->front(), {});
  ASSERT_TRUE(entries.ok()) << entries.status().ToString();
  EXPECT_EQ(entries->front().sequence_number, 0);
}

// ClickHouse#112414: statistics of the manifest stood at each of its files, and pruning lost rows.
TEST(ForeignManifests, EachFileKeepsItsOwnBounds) {
  const EncodedManifest manifest = Encoded();
  ManifestFile file = manifest.file;
  file.sequence_number = 4;
  const auto entries = *ReadManifest(manifest.bytes, file, {});
  EXPECT_EQ(entries[0].file, File("a.parquet", 1, 5));
  EXPECT_EQ(entries[1].file, File("b.parquet", 100, 200));
}

}  // namespace
}  // namespace firn::table
