// Upserts of some random keys into a table of N rows with random keys, by scanning or by the key index: CPU and wall
// seconds of each merge, of the first catching up, and the peak of memory. Prints one JSON object.
//   key_index_merge_bench scan|index [rows=10000000] [merges=5] [index memory MiB=64] [keys=100000]
#include <arrow/builder.h>
#include <arrow/record_batch.h>
#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
#include <vector>

#include "base/random.h"
#include "io/local_file_store.h"
#include "io/temporary_folder.h"
#include "schema/arrow_mapping.h"
#include "table/write/key_hasher.h"
#include "table/write/row_delta.h"

namespace {

using namespace firn;         // NOLINT
using namespace firn::table;  // NOLINT

constexpr int64_t kBatchRows = 100'000;

double CpuSeconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

/// Key number n: distinct for distinct n, in no order.
int64_t KeyOf(int64_t n) {
  return static_cast<int64_t>(static_cast<uint64_t>(n) * 0x9E3779B97F4A7C15);
}

class Bench {
 public:
  Bench(std::string folder, int64_t num_rows, int64_t num_keys, index::KeyIndex* index)
      : folder_(std::move(folder)),
        num_rows_(num_rows),
        num_keys_(num_keys),
        index_(index),
        files_(io::MakeLocalFileStore()) {}

  Status Run(int num_merges) {
    metadata_->schemas.push_back(schema_);
    metadata_->partition_specs = {PartitionSpec{}};
    auto writer = TableWriter::Make(*files_, WriterOptions());
    ARROW_RETURN_NOT_OK(writer.status());
    for (int64_t row = 0; row < num_rows_; row += kBatchRows) {
      std::vector<int64_t> keys;
      for (int64_t i = 0; i < kBatchRows; ++i) keys.push_back(KeyOf(row + i));
      ARROW_ASSIGN_OR_RAISE(auto batch, RowsOf(keys));
      ARROW_RETURN_NOT_OK((*writer)->Append(batch));
    }
    ARROW_ASSIGN_OR_RAISE(const auto written, (*writer)->Finish());
    Commit({}, DataFilesOf(written));
    std::printf("{\"rows\":%lld,\"files\":%zu,\"by\":\"%s\",\"merges\":[", static_cast<long long>(num_rows_),
                written.size(), index_ != nullptr ? "index" : "scan");
    for (int i = 0; i < num_merges; ++i) ARROW_RETURN_NOT_OK(Merge(i == 0));
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    std::printf("],\"peak_rss_bytes\":%lld}\n", static_cast<long long>(usage.ru_maxrss) * 1024);
    return Status::OK();
  }

 private:
  TableWriterOptions WriterOptions() const {
    TableWriterOptions options{.schema = schema_, .location = folder_ + "/t", .zstd_level = 1};
    options.target_file_bytes = int64_t{32} << 20;
    options.row_group_bytes = int64_t{16} << 20;
    options.metrics.always_field_ids = {1};
    return options;
  }

  Result<std::shared_ptr<arrow::RecordBatch>> RowsOf(const std::vector<int64_t>& keys) {
    arrow::Int64Builder values;
    ARROW_RETURN_NOT_OK(values.AppendValues(keys));
    ARROW_ASSIGN_OR_RAISE(const auto column, values.Finish());
    std::vector<std::shared_ptr<arrow::Array>> columns = {column};
    for (int i = 0; i < 3; ++i) {
      for (size_t row = 0; row < keys.size(); ++row) {
        ARROW_RETURN_NOT_OK(values.Append(static_cast<int64_t>(random_.Next() % 10'000)));
      }
      ARROW_ASSIGN_OR_RAISE(auto other, values.Finish());
      columns.push_back(std::move(other));
    }
    return arrow::RecordBatch::Make(schema::ToArrowSchema(*schema_), static_cast<int64_t>(keys.size()), columns);
  }

  Status Merge(bool first) {
    std::vector<int64_t> keys;
    for (int64_t i = 0; i < num_keys_; ++i) {
      keys.push_back(KeyOf(static_cast<int64_t>(random_.Next() % static_cast<uint64_t>(num_rows_))));
    }
    ARROW_ASSIGN_OR_RAISE(const auto batch, RowsOf(keys));
    const auto start = std::chrono::steady_clock::now();
    const double cpu = CpuSeconds();
    ARROW_ASSIGN_OR_RAISE(
        auto merge, MergeWriter::Make(*files_, {.writer = WriterOptions(), .key_field_ids = {1}, .index = index_}));
    ARROW_RETURN_NOT_OK(merge->Append(batch).status());
    ARROW_ASSIGN_OR_RAISE(const MergeResult result, merge->Finish({.metadata = metadata_, .live = &plan_}));
    Commit(result.removed_deletes, result.added_deletes);
    Commit(result.removed, result.added);
    const Snapshot snapshot = AddSnapshot();
    ARROW_RETURN_NOT_OK(merge->Committed(snapshot));
    std::printf("%s{\"cpu_seconds\":%.3f,\"wall_seconds\":%.3f,\"updated\":%lld,\"files_read\":%lld}", first ? "" : ",",
                CpuSeconds() - cpu, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(),
                static_cast<long long>(result.rows_updated), static_cast<long long>(result.files_scanned));
    return Status::OK();
  }

  Snapshot AddSnapshot() {
    metadata_ = std::make_shared<TableMetadata>(*metadata_);
    Snapshot snapshot{.snapshot_id = {++sequence_number_},
                      .parent_snapshot_id = metadata_->current_snapshot_id,
                      .sequence_number = sequence_number_};
    metadata_->snapshots.push_back(snapshot);
    metadata_->current_snapshot_id = snapshot.snapshot_id;
    return snapshot;
  }

  void Commit(const std::vector<ManifestEntry>& removed, const std::vector<DataFile>& added) {
    const auto apply = [&](std::vector<ManifestEntry>* entries, bool data) {
      for (const ManifestEntry& gone : removed) {
        std::erase_if(*entries,
                      [&](const ManifestEntry& entry) { return FileKeyOf(entry.file) == FileKeyOf(gone.file); });
      }
      for (const DataFile& file : added) {
        if ((file.content == FileContent::kData) != data) continue;
        entries->push_back(
            {.sequence_number = sequence_number_ + 1, .file_sequence_number = sequence_number_ + 1, .file = file});
      }
    };
    if (metadata_->current_snapshot_id == std::nullopt) AddSnapshot();
    apply(&plan_.files, true);
    apply(&deletes_, false);
    DeleteIndex deletes(*metadata_);
    for (const ManifestEntry& entry : deletes_) FIRN_CHECK(deletes.Add(entry).ok());
    plan_.deletes.clear();
    for (const ManifestEntry& entry : plan_.files) plan_.deletes.push_back(*deletes.For(entry));
  }

  const std::string folder_;
  const int64_t num_rows_;
  const int64_t num_keys_;  // of a merge
  index::KeyIndex* const index_;
  const std::unique_ptr<io::FileStore> files_;
  const std::shared_ptr<const schema::Schema> schema_ =
      std::make_shared<schema::Schema>(schema::Schema{.fields = {{.id = 1, .name = "id", .type = schema::Long()},
                                                                 {.id = 2, .name = "a", .type = schema::Long()},
                                                                 {.id = 3, .name = "b", .type = schema::Long()},
                                                                 {.id = 4, .name = "c", .type = schema::Long()}}});
  std::shared_ptr<TableMetadata> metadata_ = std::make_shared<TableMetadata>();
  ScanPlan plan_;
  std::vector<ManifestEntry> deletes_;
  int64_t sequence_number_ = 0;
  Random random_{1};
};

Status Main(int argc, char** argv) {
  const bool by_index = argc > 1 && std::string(argv[1]) == "index";
  const int64_t num_rows = argc > 2 ? std::atoll(argv[2]) : 10'000'000;
  const int num_merges = argc > 3 ? std::atoi(argv[3]) : 5;
  const int64_t index_bytes = (argc > 4 ? std::atoll(argv[4]) : 64) << 20;
  const int64_t num_keys = argc > 5 ? std::atoll(argv[5]) : 100'000;
  const io::TemporaryFolder folder;
  const auto files = io::MakeLocalFileStore();
  std::unique_ptr<index::KeyIndex> index;
  if (by_index) {
    ARROW_ASSIGN_OR_RAISE(
        index, index::KeyIndex::Create(*files, {.folder = folder.path() + "/index", .memory_bytes = index_bytes}));
  }
  return Bench("file://" + folder.path(), num_rows, num_keys, index.get()).Run(num_merges);
}

}  // namespace

int main(int argc, char** argv) {
  const Status status = Main(argc, argv);
  if (!status.ok()) std::fprintf(stderr, "%s\n", status.ToString().c_str());
  return status.ok() ? 0 : 1;
}
