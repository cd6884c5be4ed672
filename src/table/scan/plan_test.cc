#include "table/scan/plan.h"

#include <cmath>
#include <set>

#include "table/manifest/manifest_list.h"
#include "table/manifest/manifest_writer.h"
#include "table/write/transform.h"
#include "table/write/write_test_support.h"

namespace firn::table {
namespace {

using testing::BatchOf;
using testing::Must;
using testing::TestFolder;
using Kind = Transform::Kind;
using Op = Predicate::Op;

/// A table with one snapshot of the given files, its manifests and list written as a commit would.
struct Fixture {
  TableMetadata metadata;
  Snapshot snapshot;
};

Fixture Commit(io::FileStore& files, const TestFolder& folder, const schema::Schema& schema, const PartitionSpec& spec,
               const std::vector<DataFile>& data, size_t files_per_manifest) {
  Fixture fixture;
  fixture.metadata.schemas = {std::make_shared<schema::Schema>(schema)};
  fixture.metadata.partition_specs = {spec};
  fixture.snapshot = {.snapshot_id = {77}, .sequence_number = 1};
  std::vector<ManifestFile> manifests;
  for (size_t i = 0; i < data.size(); i += files_per_manifest) {
    auto writer = Must(ManifestWriter::Make(
        {.schema = fixture.metadata.schemas[0],
         .spec = spec,
         .content = data[i].content == FileContent::kData ? ManifestContent::kData : ManifestContent::kDeletes,
         .snapshot_id = {77}}));
    for (size_t j = i; j < std::min(data.size(), i + files_per_manifest); ++j) EXPECT_TRUE(writer->Add(data[j]).ok());
    EncodedManifest manifest = Must(writer->Finish());
    manifest.file.manifest_path = folder.location() + "/m" + std::to_string(i) + ".avro";
    EXPECT_TRUE(files.WriteAtomic(manifest.file.manifest_path, manifest.bytes).ok());
    manifests.push_back(manifest.file);
  }
  fixture.snapshot.manifest_list = folder.location() + "/list.avro";
  const std::string list = Must(EncodeManifestList({.snapshot_id = {77}, .sequence_number = 1}, manifests));
  EXPECT_TRUE(files.WriteAtomic(fixture.snapshot.manifest_list, list).ok());
  return fixture;
}

/// -1, 0, 1, or 2 where NaN makes it undefined, as SQL would compare.
int CompareValues(const Literal& a, const Literal& b) {
  if (a.type->id == schema::TypeId::kDouble) {
    const double x = std::get<double>(a.value), y = std::get<double>(b.value);
    return x < y ? -1 : (x > y ? 1 : (x == y ? 0 : 2));
  }
  const auto order = Compare(a, b);
  return order < 0 ? -1 : (order > 0 ? 1 : 0);
}

bool Satisfies(const Literal& value, Op op, const Literal& wanted) {
  if (op == Op::kIsNull) return value.is_null();
  if (op == Op::kIsNotNull) return !value.is_null();
  if (value.is_null()) return false;
  const int order = CompareValues(value, wanted);
  switch (op) {
    case Op::kEqual:
      return order == 0;
    case Op::kLess:
      return order == -1;
    case Op::kLessOrEqual:
      return order == -1 || order == 0;
    case Op::kGreater:
      return order == 1;
    default:
      return order == 1 || order == 0;
  }
}

/// Law: a file that holds a satisfying row is in the plan, whatever the transform, operator and value.
TEST(PlanFiles, NeverLosesARow) {
  const uint64_t seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  const auto files = io::MakeLocalFileStore();
  const schema::Schema schema{.fields = {{.id = 1, .name = "l", .type = schema::Long()},
                                         {.id = 2, .name = "s", .type = schema::String()},
                                         {.id = 3, .name = "t", .type = schema::TimestampTz()},
                                         {.id = 4, .name = "d", .type = schema::Double()},
                                         {.id = 5, .name = "n", .type = schema::Decimal(12, 2)}}};
  const std::vector<std::pair<int32_t, Transform>> specs = {
      {1, {Kind::kIdentity}}, {1, {Kind::kBucket, 4}},     {1, {Kind::kTruncate, 100}}, {2, {Kind::kTruncate, 1}},
      {3, {Kind::kYear}},     {3, {Kind::kMonth}},         {3, {Kind::kDay}},           {3, {Kind::kHour}},
      {4, {Kind::kIdentity}}, {5, {Kind::kTruncate, 500}}, {5, {Kind::kBucket, 3}},     {1, {Kind::kVoid}}};
  int64_t skipped = 0;
  for (const auto& [source_id, transform] : specs) {
    TestFolder folder;
    const PartitionSpec spec{.fields = {{source_id, 1000, "p", transform}}};
    auto options = testing::OptionsOf(schema, folder);
    options.spec = spec;
    auto writer = Must(TableWriter::Make(*files, options));
    const Status appended = writer->Append(testing::RandomRows(schema, 24, random));
    if (transform == Transform{Kind::kTruncate, 500}) {  // the least decimal has no floor in its own type
      EXPECT_TRUE(appended.ok() || FaultOf(appended) == Fault::kBadData) << appended.ToString();
      if (!appended.ok()) continue;
    }
    FIRN_ASSERT_OK(appended);
    const auto written = Must(writer->Finish());
    const auto fixture = Commit(*files, folder, schema, spec, DataFilesOf(written), 7);
    std::vector<std::shared_ptr<arrow::Table>> rows;
    for (const WrittenFile& file : written) {
      rows.push_back(Must(testing::ReadFiles(*files, {file.file.file_path}, schema)->CombineChunks()));
    }
    for (int trial = 0; trial < 40; ++trial) {
      const auto column = random() % schema.fields.size();
      const auto& type = schema.fields[column].type;
      const auto op = static_cast<Op>(random() % 7);
      const auto& sample = rows[random() % rows.size()];
      Literal value = LiteralAt(*sample->column(static_cast<int>(column))->chunk(0), type,
                                static_cast<int64_t>(random() % static_cast<uint64_t>(sample->num_rows())));
      if (value.is_null()) continue;
      const Predicate predicate{.field_id = schema.fields[column].id, .op = op, .value = value};
      const ScanPlan plan = Must(PlanFiles(*files, fixture.metadata, fixture.snapshot, {.predicates = {predicate}}));
      std::set<std::string> planned;
      for (const ManifestEntry& entry : plan.files) planned.insert(entry.file.file_path);
      skipped += plan.files_skipped + plan.manifests_skipped;
      for (size_t i = 0; i < rows.size(); ++i) {
        const auto& values = *rows[i]->column(static_cast<int>(column))->chunk(0);
        for (int64_t row = 0; row < values.length(); ++row) {
          if (!Satisfies(LiteralAt(values, type, row), op, value)) continue;
          ASSERT_TRUE(planned.contains(written[i].file.file_path))
              << ToString(transform) << " column " << column << " op " << static_cast<int>(op) << " value "
              << ToString(value) << " row " << ToString(LiteralAt(values, type, row));
        }
      }
    }
  }
  EXPECT_GT(skipped, 200);  // and it does leave files out
}

TEST(PlanFiles, SkipsManifestsByPartitionSummary) {
  TestFolder folder;
  const auto files = io::MakeLocalFileStore();
  const schema::Schema schema{.fields = {{.id = 1, .name = "l", .type = schema::Long()}}};
  const PartitionSpec spec{.fields = {{1, 1000, "l", {Kind::kIdentity}}}};
  std::vector<DataFile> data;
  for (int64_t i = 0; i < 6; ++i) {
    data.push_back({.file_path = "file:///x/" + std::to_string(i) + ".parquet",
                    .partition = {{schema::Long(), i}},
                    .record_count = 1,
                    .file_size_bytes = 10});
  }
  const auto fixture = Commit(*files, folder, schema, spec, data, 2);
  const Predicate predicate{.field_id = 1, .op = Op::kEqual, .value = {schema::Long(), int64_t{3}}};
  const ScanPlan plan = Must(PlanFiles(*files, fixture.metadata, fixture.snapshot, {.predicates = {predicate}}));
  EXPECT_EQ(plan.manifests_skipped, 2);
  EXPECT_EQ(plan.files_skipped, 1);
  ASSERT_EQ(plan.files.size(), 1u);
  EXPECT_EQ(plan.files[0].file.file_path, data[3].file_path);
  EXPECT_EQ(plan.files[0].sequence_number, 1);
  EXPECT_EQ(Must(PlanFiles(*files, fixture.metadata, fixture.snapshot)).files.size(), 6u);
}

TEST(PlanFiles, RefusesDeleteFilesByName) {
  TestFolder folder;
  const auto files = io::MakeLocalFileStore();
  const schema::Schema schema{.fields = {{.id = 1, .name = "l", .type = schema::Long()}}};
  const std::vector<DataFile> data = {{.file_path = "file:///x/data.parquet", .record_count = 1, .file_size_bytes = 10},
                                      {.content = FileContent::kPositionDeletes,
                                       .file_path = "file:///x/del.parquet",
                                       .record_count = 1,
                                       .file_size_bytes = 10}};
  const auto fixture = Commit(*files, folder, schema, {}, data, 1);
  const auto plan = PlanFiles(*files, fixture.metadata, fixture.snapshot);
  ASSERT_EQ(FaultOf(plan.status()), Fault::kConfig);
  EXPECT_NE(plan.status().message().find("del.parquet"), std::string::npos);
}

}  // namespace
}  // namespace firn::table
