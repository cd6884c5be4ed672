#pragma once

#include <arrow/array.h>
#include <arrow/array/concatenate.h>
#include <arrow/builder.h>
#include <arrow/json/from_string.h>
#include <arrow/record_batch.h>
#include <arrow/table.h>
#include <arrow/type.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "io/local_file_store.h"
#include "schema/arrow_mapping.h"
#include "table/scan/file_reader.h"
#include "table/write/random_rows_test_support.h"
#include "table/write/table_writer.h"

/// For the tests of table/write and table/scan.
namespace firn::table::testing {

#define FIRN_ASSERT_OK(expression)                   \
  do {                                               \
    const ::firn::Status status_ = (expression);     \
    ASSERT_TRUE(status_.ok()) << status_.ToString(); \
  } while (false)

/// Unwraps or ends the test program: for use where ASSERT cannot return.
template <typename T>
T Must(Result<T> result) {
  if (!result.ok()) ADD_FAILURE() << result.status().ToString();
  return std::move(result).ValueOrDie();
}

/// A folder that is removed at the end.
class TestFolder {
 public:
  TestFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "firn-table-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~TestFolder() {
    if (::getenv("FIRN_KEEP_TEST_FOLDERS") == nullptr) std::filesystem::remove_all(path_);
  }
  const std::string& path() const { return path_; }
  std::string location() const { return "file://" + path_; }
  int64_t CountFiles() const {
    int64_t count = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(path_)) count += entry.is_regular_file();
    return count;
  }

 private:
  std::string path_;
};

inline std::shared_ptr<arrow::RecordBatch> BatchOf(const schema::Schema& schema, const std::string& json_rows) {
  const auto arrow_schema = schema::ToArrowSchema(schema);
  auto rows = Must(arrow::json::ArrayFromJSONString(arrow::struct_(arrow_schema->fields()), json_rows));
  auto batch = Must(arrow::RecordBatch::FromStructArray(rows));
  return batch->ReplaceSchema(arrow_schema).ValueOrDie();
}

/// All rows of a file, or of several, in order, in the shape of `target`.
inline std::shared_ptr<arrow::Table> ReadFiles(io::FileStore& files, const std::vector<std::string>& locations,
                                               const schema::Schema& target, const FileReadOptions& options = {}) {
  std::vector<std::shared_ptr<arrow::RecordBatch>> batches;
  for (const std::string& location : locations) {
    auto reader = Must(OpenDataFile(files, location, target, options));
    for (auto& batch : Must(reader->ToRecordBatches())) batches.push_back(batch);
  }
  return Must(arrow::Table::FromRecordBatches(schema::ToArrowSchema(target), batches));
}

inline std::vector<std::string> LocationsOf(const std::vector<WrittenFile>& files) {
  std::vector<std::string> locations;
  for (const WrittenFile& file : files) locations.push_back(file.file.file_path);
  return locations;
}

inline TableWriterOptions OptionsOf(const schema::Schema& schema, const TestFolder& folder) {
  return {.schema = std::make_shared<schema::Schema>(schema), .location = folder.location() + "/t", .zstd_level = 1};
}

}  // namespace firn::table::testing
