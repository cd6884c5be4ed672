#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "format/avro/container_reader.h"
#include "format/avro/container_writer.h"
#include "table/manifest/avro_shape.h"
#include "table/manifest/manifest_list.h"
#include "table/manifest/manifest_reader.h"
#include "table/manifest/manifest_writer.h"
#include "table/metadata/schema_json.h"

namespace firn::table {
namespace {

using namespace std::string_literals;
using format::avro::ContainerReader;
using testing::HasSubstr;
using testing::Not;

constexpr SnapshotId kSnapshot{77};

SchemaPtr TableSchema() {
  return std::make_shared<const schema::Schema>(
      schema::Schema{.schema_id = 4,
                     .fields = {{.id = 1, .name = "id", .type = schema::Long(), .required = true},
                                {.id = 2, .name = "at", .type = schema::TimestampTz()},
                                {.id = 3, .name = "price", .type = schema::Decimal(9, 2)},
                                {.id = 4, .name = "key", .type = schema::Uuid()},
                                {.id = 5, .name = "rate", .type = schema::Double()},
                                {.id = 6, .name = "twin", .type = schema::Uuid()}}});
}

PartitionSpec Spec() {
  const auto field = [](int32_t source, int32_t id, const char* name, Transform::Kind kind) {
    return PartitionField{.source_id = source, .field_id = id, .name = name, .transform = {.kind = kind}};
  };
  return {
      .spec_id = 3,
      .fields = {field(2, 1000, "at_day", Transform::Kind::kDay), field(3, 1001, "price", Transform::Kind::kIdentity),
                 field(4, 1002, "key", Transform::Kind::kIdentity), field(5, 1003, "rate", Transform::Kind::kIdentity),
                 field(6, 1004, "1 twin-é", Transform::Kind::kIdentity)}};
}

std::vector<Literal> Tuple(int32_t day, double rate) {
  return {{.type = schema::Date(), .value = day},
          {.type = schema::Decimal(9, 2), .value = Int128{-1420}},
          {.type = schema::Uuid(), .value = "0123456789abcdef"s},
          {.type = schema::Double(), .value = rate},
          Literal::Null(schema::Uuid())};
}

DataFile MakeFile(const std::string& path, int64_t rows, int32_t day = 17486, double rate = 0.5) {
  const std::string one("\1\0\0\0\0\0\0\0", 8), two("\2\0\0\0\0\0\0\0", 8);
  return {.file_path = path,
          .spec_id = 3,
          .partition = Tuple(day, rate),
          .record_count = rows,
          .file_size_bytes = 1000,
          .column_sizes = {{1, 400}, {2, 300}},
          .value_counts = {{1, rows}},
          .null_value_counts = {{1, 0}},
          .nan_value_counts = {{5, 0}},
          .lower_bounds = {{1, one}},
          .upper_bounds = {{1, two}},
          .split_offsets = {4, 500},
          .sort_order_id = 0};
}

std::unique_ptr<ManifestWriter> Writer(PartitionSpec spec = Spec(), ManifestContent content = ManifestContent::kData) {
  return *ManifestWriter::Make(
      {.schema = TableSchema(), .spec = std::move(spec), .content = content, .snapshot_id = kSnapshot});
}

ManifestReadOptions ReadOptions() {
  return {.partition_fields = *PartitionFields(Spec(), *TableSchema())};
}

EncodedManifest Encoded() {
  auto writer = Writer();
  EXPECT_TRUE(writer->Add(MakeFile("file:///a.parquet", 10)).ok());
  EXPECT_TRUE(writer->Add(MakeFile("file:///b.parquet", 20, 17480, NAN)).ok());
  EncodedManifest manifest = *writer->Finish();
  manifest.file.manifest_path = "file:///m0.avro";
  return manifest;
}

ManifestFile Committed(ManifestFile file, int64_t sequence_number) {
  file.sequence_number = sequence_number;
  file.min_sequence_number = file.min_sequence_number.value_or(sequence_number);
  return file;
}

std::string SchemaOf(std::string_view bytes) {
  return (*ContainerReader::Open(bytes))->metadata().at("avro.schema");
}

TEST(Manifest, RoundTripInheritsNumbers) {
  const EncodedManifest manifest = Encoded();
  const auto entries = ReadManifest(manifest.bytes, Committed(manifest.file, 9), ReadOptions());
  ASSERT_TRUE(entries.ok()) << entries.status().ToString();
  ASSERT_EQ(entries->size(), 2U);
  EXPECT_EQ((*entries)[0].file, MakeFile("file:///a.parquet", 10));
  EXPECT_EQ((*entries)[1].file, MakeFile("file:///b.parquet", 20, 17480, NAN));
  for (const ManifestEntry& entry : *entries) {
    EXPECT_EQ(entry.status, EntryStatus::kAdded);
    EXPECT_EQ(entry.snapshot_id, kSnapshot);
    EXPECT_EQ(entry.sequence_number, 9);
    EXPECT_EQ(entry.file_sequence_number, 9);
  }
}

TEST(Manifest, CarriesExistingAndDeletedEntries) {
  ManifestEntry old{.status = EntryStatus::kAdded,
                    .snapshot_id = SnapshotId{5},
                    .sequence_number = 3,
                    .file_sequence_number = 4,
                    .file = MakeFile("file:///a.parquet", 10)};
  auto writer = Writer();
  ASSERT_TRUE(writer->AddExisting(old).ok());
  old.file.file_path = "file:///b.parquet";
  old.sequence_number = 2;
  ASSERT_TRUE(writer->AddDeleted(old).ok());
  ASSERT_TRUE(writer->Add(MakeFile("file:///c.parquet", 1), 6).ok());
  const EncodedManifest manifest = *writer->Finish();
  EXPECT_EQ(manifest.file.existing_rows_count, 10);
  EXPECT_EQ(manifest.file.deleted_files_count, 1);
  EXPECT_EQ(manifest.file.min_sequence_number, 3);  // of live entries: not the deleted one's 2
  const auto entries = *ReadManifest(manifest.bytes, Committed(manifest.file, 9), ReadOptions());
  EXPECT_EQ(entries[0].snapshot_id, SnapshotId{5});
  EXPECT_EQ(entries[0].file_sequence_number, 4);
  EXPECT_EQ(entries[1].status, EntryStatus::kDeleted);
  EXPECT_EQ(entries[1].snapshot_id, kSnapshot);
  EXPECT_EQ(entries[2].sequence_number, 6);
  EXPECT_EQ(entries[2].file_sequence_number, 9);
}

TEST(Manifest, CountsAndSummaries) {
  const ManifestFile file = Encoded().file;
  EXPECT_EQ(file.added_files_count, 2);
  EXPECT_EQ(file.added_rows_count, 30);
  EXPECT_EQ(file.existing_files_count, 0);
  EXPECT_EQ(file.sequence_number, std::nullopt);
  ASSERT_EQ(file.partitions->size(), 5U);
  const auto day = [](int32_t value) { return ToSingleValue({.type = schema::Date(), .value = value}); };
  EXPECT_EQ((*file.partitions)[0].lower_bound, day(17480));
  EXPECT_EQ((*file.partitions)[0].upper_bound, day(17486));
  // paimon#9188: NaN is counted, never a bound.
  EXPECT_EQ((*file.partitions)[3].contains_nan, true);
  EXPECT_EQ((*file.partitions)[3].upper_bound, ToSingleValue({.type = schema::Double(), .value = 0.5}));
  EXPECT_TRUE((*file.partitions)[4].contains_null);
  EXPECT_EQ((*file.partitions)[4].lower_bound, std::nullopt);
}

// iceberg-rust#179: other record names broke Spark.
TEST(ManifestPitfalls, RecordNames) {
  const EncodedManifest manifest = Encoded();
  const std::string schema = SchemaOf(manifest.bytes);
  EXPECT_THAT(schema, testing::StartsWith(R"({"type":"record","name":"manifest_entry")"));
  for (const char* name :
       {"r2", "r102", "k117_v118", "k119_v120", "k121_v122", "k138_v139", "k126_v127", "k129_v130"}) {
    EXPECT_THAT(schema, HasSubstr(R"("name":")"s + name + "\""));
  }
  const std::string list = *EncodeManifestList({.snapshot_id = kSnapshot, .sequence_number = 1}, {});
  EXPECT_THAT(SchemaOf(list), testing::StartsWith(R"({"type":"record","name":"manifest_file")"));
  EXPECT_THAT(SchemaOf(list), HasSubstr(R"("name":"r508")"));
}

// iceberg-go#1309, #1464, estuary connectors#4809: an empty list must stay an empty list, present must stay present.
TEST(ManifestPitfalls, EmptyPartitionsStayAnEmptyList) {
  auto writer = Writer({.spec_id = 0});
  DataFile file = MakeFile("file:///a.parquet", 1);
  file.spec_id = 0;
  file.partition.clear();
  ASSERT_TRUE(writer->Add(file).ok());
  EncodedManifest manifest = *writer->Finish();
  manifest.file.manifest_path = "m";
  ASSERT_TRUE(manifest.file.partitions.has_value());
  ManifestFile without = manifest.file;
  without.partitions.reset();
  const std::vector<ManifestFile> both = {manifest.file, without};
  std::string bytes = *EncodeManifestList({.snapshot_id = kSnapshot, .sequence_number = 1}, both);
  for (int round = 0; round < 3; ++round) {  // damage came from re-encoding
    const auto read = *DecodeManifestList(bytes);
    ASSERT_EQ(read.size(), 2U);
    EXPECT_EQ(read[0].partitions, std::vector<FieldSummary>());
    EXPECT_EQ(read[1].partitions, std::nullopt);
    bytes = *EncodeManifestList({.snapshot_id = {88}, .sequence_number = 2}, read);
  }
}

// duckdb-iceberg#504, ClickHouse#92078: nullable fields and missing keys in the list.
TEST(ManifestPitfalls, ListFieldsAreRequired) {
  const std::string bytes = *EncodeManifestList({.snapshot_id = kSnapshot, .sequence_number = 1}, {});
  const auto schema = (*ContainerReader::Open(bytes))->schema();
  for (const auto& field : schema->fields) {
    const bool may_be_null = field.field_id == 507 || field.field_id == 519;
    EXPECT_EQ(format::avro::IsOptional(*field.type), may_be_null) << field.name;
  }
}

// iceberg-go#1760, seaweedfs#10475: without format-version the list is read as v1 and deletion vectors are ignored.
TEST(ManifestPitfalls, ListKeys) {
  const std::string bytes = *EncodeManifestList({.snapshot_id = kSnapshot, .sequence_number = 6}, {});
  const auto keys = (*ContainerReader::Open(bytes))->metadata();
  EXPECT_EQ(keys.at("format-version"), "2");
  EXPECT_EQ(keys.at("snapshot-id"), "77");
  EXPECT_EQ(keys.at("parent-snapshot-id"), "null");
  EXPECT_EQ(keys.at("sequence-number"), "6");
  EXPECT_TRUE(ParseSchema(keys.at("iceberg.schema")).ok());
}

// A list is written at every commit: deflate only where it saves enough.
TEST(ManifestList, LongListsAreCompressed) {
  const ManifestFile manifest = [] {
    ManifestFile file = Encoded().file;
    file.manifest_path = "file:///t/metadata/m.avro";
    return file;
  }();
  for (const size_t length : {size_t{1}, size_t{200}}) {
    const std::vector<ManifestFile> manifests(length, manifest);
    const std::string bytes = *EncodeManifestList({.snapshot_id = kSnapshot, .sequence_number = 6}, manifests);
    const auto keys = (*ContainerReader::Open(bytes))->metadata();
    EXPECT_EQ(keys.at("avro.codec"), length == 1 ? "null" : "deflate");
    EXPECT_EQ(DecodeManifestList(bytes)->size(), length);
  }
}

// duckdb-iceberg#799 (schema held the manifest's own), iceberg-rust#2365 (partition-spec as object), iceberg-rust#2682.
TEST(ManifestPitfalls, ManifestKeys) {
  const EncodedManifest manifest = Encoded();
  const auto keys = (*ContainerReader::Open(manifest.bytes))->metadata();
  EXPECT_EQ(keys.at("schema"), WriteSchema(*TableSchema()));
  EXPECT_EQ(keys.at("schema-id"), "4");
  EXPECT_EQ(keys.at("partition-spec"), WritePartitionFields(Spec()));
  EXPECT_THAT(keys.at("partition-spec"), testing::StartsWith("["));
  EXPECT_EQ(keys.at("partition-spec-id"), "3");
  EXPECT_EQ(keys.at("format-version"), "2");
  EXPECT_EQ(keys.at("content"), "data");
}

// duckdb-iceberg#1314: a delete manifest said "data".
TEST(ManifestPitfalls, DeleteManifestSaysSo) {
  auto writer = Writer(Spec(), ManifestContent::kDeletes);
  DataFile file = MakeFile("file:///d.parquet", 1);
  EXPECT_FALSE(writer->Add(file).ok());
  file.content = FileContent::kPositionDeletes;
  file.referenced_data_file = "file:///a.parquet";
  ASSERT_TRUE(writer->Add(file).ok());
  const EncodedManifest manifest = *writer->Finish();
  EXPECT_EQ((*ContainerReader::Open(manifest.bytes))->metadata().at("content"), "deletes");
  EXPECT_EQ(manifest.file.content, ManifestContent::kDeletes);
  EXPECT_EQ((*ReadManifest(manifest.bytes, Committed(manifest.file, 1), ReadOptions()))[0].file, file);
}

DataFile Vector(const std::string& of, int64_t offset) {
  return {.content = FileContent::kPositionDeletes,
          .file_path = "file:///d.puffin",
          .file_format = FileFormat::kPuffin,
          .spec_id = 3,
          .partition = Tuple(17486, 0.5),
          .record_count = 2,
          .file_size_bytes = 1000,
          .referenced_data_file = of,
          .content_offset = offset,
          .content_size_bytes = 40};
}

std::unique_ptr<ManifestWriter> Writer3(ManifestContent content) {
  return *ManifestWriter::Make(
      {.schema = TableSchema(), .spec = Spec(), .content = content, .snapshot_id = kSnapshot, .format_version = 3});
}

// starrocks#76228: vectors of one Puffin file have one path; what tells them apart is the offset.
TEST(Manifest3, ListsSeveralVectorsOfOneFile) {
  auto writer = Writer3(ManifestContent::kDeletes);
  ASSERT_TRUE(writer->Add(Vector("file:///a.parquet", 4)).ok());
  ASSERT_TRUE(writer->Add(Vector("file:///b.parquet", 44)).ok());
  EXPECT_EQ(FaultOf(writer->Add(Vector("file:///c.parquet", 44))), Fault::kBug);  // the same vector
  EXPECT_EQ(FaultOf(writer->Add(Vector("file:///a.parquet", 84))), Fault::kBug);  // a second one of a data file
  EXPECT_EQ(FaultOf(writer->Add(Vector("file:///e.parquet", 970))), Fault::kBug);
  const EncodedManifest manifest = *writer->Finish();
  const auto entries = *ReadManifest(manifest.bytes, Committed(manifest.file, 1), ReadOptions());
  ASSERT_EQ(entries.size(), 2U);
  EXPECT_EQ(entries[0].file, Vector("file:///a.parquet", 4));
  EXPECT_EQ(entries[1].file, Vector("file:///b.parquet", 44));
  EXPECT_EQ((*ContainerReader::Open(manifest.bytes))->metadata().at("format-version"), "3");
}

TEST(Manifest3, TakesNoNewPositionDeleteFileButCarriesOldOnes) {
  ManifestEntry entry{.snapshot_id = SnapshotId{5},
                      .sequence_number = 3,
                      .file_sequence_number = 3,
                      .file = MakeFile("file:///d.parquet", 1)};
  entry.file.content = FileContent::kPositionDeletes;
  entry.file.referenced_data_file = "file:///a.parquet";
  auto writer = Writer3(ManifestContent::kDeletes);
  EXPECT_EQ(FaultOf(writer->Add(entry.file)), Fault::kBug);
  EXPECT_TRUE(writer->AddExisting(entry).ok());
  auto older = Writer(Spec(), ManifestContent::kDeletes);
  EXPECT_EQ(FaultOf(older->Add(Vector("file:///a.parquet", 4))), Fault::kBug);
}

// Row ids: new files have none in the manifest, so that a retry rewrites the list alone; those of carried entries stay.
TEST(Manifest3, InheritsFirstRowIds) {
  auto writer = Writer3(ManifestContent::kData);
  DataFile first = MakeFile("file:///a.parquet", 10);
  first.first_row_id = 999;  // of another attempt: not written
  ASSERT_TRUE(writer->Add(first).ok());
  ManifestEntry old{.snapshot_id = SnapshotId{5},
                    .sequence_number = 3,
                    .file_sequence_number = 3,
                    .file = MakeFile("file:///o.parquet", 7)};
  old.file.first_row_id = 40;
  ASSERT_TRUE(writer->AddExisting(old).ok());
  old.file.file_path = "file:///gone.parquet";
  old.file.first_row_id.reset();
  ASSERT_TRUE(writer->AddDeleted(old).ok());
  ASSERT_TRUE(writer->Add(MakeFile("file:///b.parquet", 20)).ok());
  const EncodedManifest manifest = *writer->Finish();
  ManifestFile file = Committed(manifest.file, 9);
  for (const ManifestEntry& entry : *ReadManifest(manifest.bytes, file, ReadOptions())) {
    EXPECT_EQ(entry.file.first_row_id, std::nullopt) << "a manifest without ids gives none";
  }
  file.first_row_id = 100;
  const auto entries = *ReadManifest(manifest.bytes, file, ReadOptions());
  ASSERT_EQ(entries.size(), 4U);
  EXPECT_EQ(entries[0].file.first_row_id, 100);
  EXPECT_EQ(entries[1].file.first_row_id, 40);
  EXPECT_EQ(entries[2].file.first_row_id, std::nullopt);
  EXPECT_EQ(entries[3].file.first_row_id, 110);
}

TEST(Manifest3, ListAssignsRowIds) {
  ManifestFile data = Committed(Encoded().file, 5);
  data.manifest_path = "file:///m1.avro";
  data.existing_rows_count = 3;
  ManifestFile deletes = data, known = data;
  deletes.content = ManifestContent::kDeletes;
  known.first_row_id = 2;
  std::vector<ManifestFile> manifests = {data, deletes, known, data};
  const ManifestListOptions options{
      .snapshot_id = kSnapshot, .sequence_number = 6, .format_version = 3, .first_row_id = 50};
  EXPECT_EQ(FaultOf(EncodeManifestList(options, manifests).status()), Fault::kBug) << "not assigned yet";
  EXPECT_EQ(*AssignRowIds(50, manifests), 50 + 2 * 33);
  const std::string bytes = *EncodeManifestList(options, manifests);
  const auto keys = (*ContainerReader::Open(bytes))->metadata();
  EXPECT_EQ(keys.at("format-version"), "3");
  EXPECT_EQ(keys.at("first-row-id"), "50");
  EXPECT_THAT(keys.at("avro.schema"), HasSubstr(R"("field-id":520)"));
  const auto list = *DecodeManifestList(bytes);
  EXPECT_EQ(list, manifests);
  EXPECT_EQ(list[0].first_row_id, 50);
  EXPECT_EQ(list[1].first_row_id, std::nullopt);
  EXPECT_EQ(list[2].first_row_id, 2);
  EXPECT_EQ(list[3].first_row_id, 83);
  std::vector<ManifestFile> many = {data, data};
  EXPECT_EQ(FaultOf(AssignRowIds(INT64_MAX - 40, many).status()), Fault::kBadData);
}

// duckdb-iceberg#1245: BigQuery refuses {"type":{"type":"int"}}; duckdb-iceberg#321: every field carries its id.
TEST(ManifestPitfalls, PrimitivesAreBareAndIdsEverywhere) {
  const EncodedManifest manifest = Encoded();
  for (const std::string& schema :
       {SchemaOf(manifest.bytes),
        SchemaOf(*EncodeManifestList({.snapshot_id = kSnapshot, .sequence_number = 1}, {}))}) {
    for (const char* primitive : {"int", "long", "string", "bytes", "boolean", "double"}) {
      EXPECT_THAT(schema, Not(HasSubstr(R"({"type":")"s + primitive + "\"}")));
    }
    EXPECT_THAT(schema, Not(HasSubstr(R"("type":{"type":{)")));
  }
  const auto schema = (*ContainerReader::Open(manifest.bytes))->schema();
  const std::function<void(const format::avro::Node&)> check = [&](const format::avro::Node& node) {
    for (const auto& field : node.fields) {
      EXPECT_TRUE(field.field_id.has_value()) << field.name;
      check(*field.type);
    }
    for (const auto& branch : node.branches) check(*branch);
    if (node.kind == format::avro::Kind::kArray) {
      EXPECT_TRUE(node.element_id.has_value() || node.logical_type == "map");
    }
  };
  check(*schema);
}

// iceberg-rust#478: day is written as date, and read as date or plain int.
TEST(ManifestPitfalls, DayIsDateAndReadAsInt) {
  const EncodedManifest manifest = Encoded();
  EXPECT_THAT(SchemaOf(manifest.bytes), HasSubstr(R"(["null",{"type":"int","logicalType":"date"}])"));
  const auto entry = [](int32_t day) {
    return "\2\0\0\0"s + "\0"s + "\2a\x0ePARQUET"s + "\2"s + static_cast<char>(2 * day) + "\2\2"s +
           std::string(11, '\0');
  };
  std::vector<schema::Field> fields = {{.id = 1000, .name = "at_day", .type = schema::Int()}};
  auto writer = *format::avro::ContainerWriter::Make(
      {.schema_json = *AvroSchemaJson("manifest_entry", ManifestEntryFields(fields, 2))});
  writer->encoder().Fixed(entry(33));
  ASSERT_TRUE(writer->EndRecord().ok());
  fields[0].type = schema::Date();
  const auto entries = ReadManifest(*writer->Finish(), {.sequence_number = 4}, {.partition_fields = fields});
  ASSERT_TRUE(entries.ok()) << entries.status().ToString();
  EXPECT_EQ((*entries)[0].file.partition[0], (Literal{.type = schema::Date(), .value = int32_t{33}}));
  EXPECT_EQ((*entries)[0].sequence_number, 4);
}

// pyiceberg#241: decimals are fixed of the least size, not bytes.
TEST(ManifestPitfalls, DecimalIsFixed) {
  EXPECT_THAT(
      SchemaOf(Encoded().bytes),
      HasSubstr(R"({"type":"fixed","name":"decimal_9_2","size":4,"logicalType":"decimal","precision":9,"scale":2})"));
  for (const auto& [precision, size] :
       {std::pair(1, 1), {2, 1}, {3, 2}, {4, 2}, {5, 3}, {9, 4}, {10, 5}, {18, 8}, {19, 9}, {38, 16}}) {
    EXPECT_EQ(DecimalFixedBytes(precision), size) << precision;
  }
}

TEST(ManifestPitfalls, NamesThatAvroDoesNotAllow) {
  const std::string schema = SchemaOf(Encoded().bytes);
  EXPECT_THAT(schema, HasSubstr(R"({"name":"_1_x20twin_x2D_xC3_xA9",)"));
  EXPECT_THAT(schema, HasSubstr(R"("iceberg-field-name":"1 twin-é")"));
  EXPECT_THAT(schema, HasSubstr(R"("name":"uuid_fixed_1004")"));  // a name may be defined once
}

// ClickHouse#99220: wrong manifest lengths.
TEST(ManifestPitfalls, LengthIsTheFile) {
  const EncodedManifest manifest = Encoded();
  EXPECT_EQ(manifest.file.manifest_length, static_cast<int64_t>(manifest.bytes.size()));
}

// pyiceberg#2130 (a path twice), ClickHouse#116604 (inverted bounds), NaN bounds (ClickHouse#118112).
TEST(ManifestPitfalls, WriterRefusesWhatReadersChokeOn) {
  auto writer = Writer();
  ASSERT_TRUE(writer->Add(MakeFile("file:///a.parquet", 1)).ok());
  EXPECT_FALSE(writer->Add(MakeFile("file:///a.parquet", 1)).ok());
  DataFile inverted = MakeFile("file:///i.parquet", 1);
  std::swap(inverted.lower_bounds, inverted.upper_bounds);
  EXPECT_FALSE(writer->Add(inverted).ok());
  DataFile nan = MakeFile("file:///n.parquet", 1);
  nan.upper_bounds[5] = ToSingleValue({.type = schema::Double(), .value = static_cast<double>(NAN)});
  EXPECT_FALSE(writer->Add(nan).ok());
  DataFile narrow = MakeFile("file:///w.parquet", 1);
  narrow.lower_bounds[2] = "123";
  EXPECT_FALSE(writer->Add(narrow).ok());
  DataFile tuple = MakeFile("file:///t.parquet", 1);
  tuple.partition.pop_back();
  EXPECT_FALSE(writer->Add(tuple).ok());
  DataFile spec = MakeFile("file:///s.parquet", 1);
  spec.spec_id = 0;
  EXPECT_FALSE(writer->Add(spec).ok());
  EXPECT_EQ(writer->num_entries(), 1);
  EXPECT_FALSE(Writer()->Finish().ok());
}

TEST(ManifestList, AssignsNumbersToNewManifestsOnly) {
  const EncodedManifest manifest = Encoded();
  std::vector<ManifestFile> manifests = {manifest.file, Committed(manifest.file, 3)};
  const std::string bytes = *EncodeManifestList(
      {.snapshot_id = kSnapshot, .parent_snapshot_id = SnapshotId{5}, .sequence_number = 9}, manifests);
  const auto read = DecodeManifestList(bytes);
  ASSERT_TRUE(read.ok()) << read.status().ToString();
  EXPECT_EQ((*read)[0], Committed(manifest.file, 9));
  EXPECT_EQ((*read)[1], manifests[1]);
  EXPECT_FALSE(EncodeManifestList({.snapshot_id = {8}, .sequence_number = 9}, manifests).ok());
  manifests[0].added_rows_count.reset();
  EXPECT_FALSE(EncodeManifestList({.snapshot_id = kSnapshot, .sequence_number = 9}, manifests).ok());
}

TEST(ManifestReader, ReadsSomeStatisticsOrNone) {
  const EncodedManifest manifest = Encoded();
  ManifestReadOptions options = ReadOptions();
  options.statistics = ManifestReadOptions::Statistics::kNone;
  EXPECT_TRUE((*ReadManifest(manifest.bytes, manifest.file, options))[0].file.column_sizes.empty());
  options.statistics = ManifestReadOptions::Statistics::kSome;
  options.statistics_fields = {2};
  const DataFile file = (*ReadManifest(manifest.bytes, manifest.file, options))[0].file;
  EXPECT_EQ(file.column_sizes, (std::map<int32_t, int64_t>{{2, 300}}));
  EXPECT_TRUE(file.lower_bounds.empty());
}

TEST(ManifestReader, EveryDamageIsAnErrorOrEntries) {
  const EncodedManifest manifest = Encoded();
  const std::vector<ManifestFile> one = {manifest.file};
  const std::string list = *EncodeManifestList({.snapshot_id = kSnapshot, .sequence_number = 9}, one);
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (const std::string* bytes : {&manifest.bytes, &list}) {
    for (int round = 0; round < 3000; ++round) {
      std::string damaged = *bytes;
      damaged[random() % damaged.size()] ^= static_cast<char>(1 << (random() % 7));
      if (round % 3 == 0) damaged.resize(random() % damaged.size());
      const Status status = bytes == &list ? DecodeManifestList(damaged).status()
                                           : ReadManifest(damaged, manifest.file, ReadOptions()).status();
      if (status.ok()) continue;
      ASSERT_EQ(FaultOf(status), Fault::kBadData) << status.ToString();
    }
  }
}

}  // namespace
}  // namespace firn::table
