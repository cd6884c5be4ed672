#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

#include "table/delete/delete_test_support.h"
#include "table/delete/deletion_vector.h"
#include "table/metadata/metadata_json.h"
#include "table/scan/plan.h"

namespace firn::table {
namespace {

using testing::MovedFileStore;
using testing::Must;

/// A table of testdata/, written by Spark and Iceberg's Java library (testdata/write_tables.py).
class SparkTable {
 public:
  explicit SparkTable(const std::string& name)
      : folder_(std::filesystem::canonical(std::filesystem::path(__FILE__).parent_path() / "testdata")),
        store_(*files_, "file:/tmp/firn-fixtures", "file://" + folder_),
        metadata_(std::make_shared<TableMetadata>(
            Must(ParseMetadata(Must(files_->ReadText(folder_ + "/" + name + "/metadata/current.metadata.json")))))),
        expected_(Must(files_->ReadText(folder_ + "/" + name + ".rows"))) {}

  io::FileStore& store() { return store_; }
  const std::shared_ptr<TableMetadata>& metadata() const { return metadata_; }
  const std::string& expected() const { return expected_; }
  Result<ScanPlan> Plan() {
    return PlanFiles(store_, *metadata_, *metadata_->CurrentSnapshot(), {.deletes = ScanOptions::Deletes::kPlan});
  }

  /// All rows as sorted JSON lines in the form of Python's json.dumps(sort_keys=True).
  std::string Rows() {
    const ScanPlan plan = Must(Plan());
    auto reader = DeleteReader::Make(store_, metadata_);
    std::vector<std::string> lines;
    for (size_t i = 0; i < plan.files.size(); ++i) {
      auto deleted = Must(reader->DeletedRows(plan.files[i], plan.DeletesOf(i)));
      auto rows = Must(OpenLiveRows(store_, plan.files[i].file, deleted, metadata_->schema()));
      for (const auto& batch : Must(rows->ToRecordBatches())) AppendLines(*batch, &lines);
    }
    std::sort(lines.begin(), lines.end());
    std::string text;
    for (const auto& line : lines) text += line + "\n";
    return text;
  }

 private:
  static void AppendLines(const arrow::RecordBatch& batch, std::vector<std::string>* lines) {
    std::vector<int> columns;
    for (int i = 0; i < batch.num_columns(); ++i) columns.push_back(i);
    std::sort(columns.begin(), columns.end(),
              [&](int a, int b) { return batch.column_name(a) < batch.column_name(b); });
    for (int64_t row = 0; row < batch.num_rows(); ++row) {
      std::ostringstream line;
      for (const int i : columns) {
        const auto value = Must(batch.column(i)->GetScalar(row));
        const bool text = value->is_valid && value->type->id() == arrow::Type::STRING;
        line << (i == columns[0] ? "{" : ", ") << '"' << batch.column_name(i) << "\": ";
        line << (text ? "\"" : "") << (value->is_valid ? value->ToString() : "null") << (text ? "\"" : "");
      }
      lines->push_back(line.str() + "}");
    }
  }

  const std::string folder_;
  const std::unique_ptr<io::FileStore> files_ = io::MakeLocalFileStore();
  MovedFileStore store_;
  const std::shared_ptr<TableMetadata> metadata_;
  const std::string expected_;
};

class SparkTables : public ::testing::TestWithParam<const char*> {};

// OLake#1189: one path that forgets the deletes doubles rows. Each kind of delete, as Spark itself reads it.
TEST_P(SparkTables, ReadAsSparkReadsThem) {
  SparkTable table(GetParam());
  const ScanPlan plan = Must(table.Plan());
  EXPECT_GT(plan.delete_files, 0);
  EXPECT_EQ(table.Rows(), table.expected());
}

INSTANTIATE_TEST_SUITE_P(Deletes, SparkTables,
                         ::testing::Values("positions_v2", "file_scoped_v2", "vectors_v3", "upgraded", "equality",
                                           "equality_dropped", "equality_scopes"),
                         [](const auto& instance) { return std::string(instance.param); });

// A scan that does not say that it applies deletes gets none of the rows.
TEST(SparkTable, IsRefusedByAScanWithoutDeletes) {
  SparkTable table("vectors_v3");
  const auto plan = PlanFiles(table.store(), *table.metadata(), *table.metadata()->CurrentSnapshot());
  EXPECT_EQ(FaultOf(plan.status()), Fault::kConfig);
  EXPECT_NE(plan.status().message().find(".puffin"), std::string::npos);
}

// Bytes written by Java: our encoder makes the same of the same positions.
TEST(SparkTable, OurVectorsAreJavasByteForByte) {
  SparkTable table("vectors_v3");
  const ScanPlan plan = Must(table.Plan());
  int vectors = 0;
  for (size_t i = 0; i < plan.files.size(); ++i) {
    const auto& vector = plan.DeletesOf(i).vector;
    if (vector == nullptr) continue;
    ++vectors;
    const DataFile& entry = vector->file;
    const auto blob = Must(table.store().ReadRange(entry.file_path, *entry.content_offset, *entry.content_size_bytes));
    EXPECT_EQ(EncodeDeletionVector(Must(ReadDeletionVector(table.store(), entry))), blob->ToString());
  }
  EXPECT_EQ(vectors, 3);
}

// ClickHouse#84465: "file:/", "file:///" and bare paths are different texts; a vector's data file is found by its text.
TEST(SparkTable, VectorsTakeOverTheDeletesOfTheUpgradedTable) {
  SparkTable table("upgraded");
  const ScanPlan plan = Must(table.Plan());
  int vectors = 0, positions = 0;
  for (size_t i = 0; i < plan.files.size(); ++i) {
    vectors += plan.DeletesOf(i).vector != nullptr ? 1 : 0;
    positions += static_cast<int>(plan.DeletesOf(i).positions.size());
  }
  EXPECT_EQ(vectors, 1);
  EXPECT_GE(positions, 1);
}

}  // namespace
}  // namespace firn::table
