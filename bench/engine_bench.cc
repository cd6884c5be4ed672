// Drives the table engine in process, on one table of a local warehouse: commands come as lines on stdin, each answered
// by one line of JSON with the wall and CPU seconds it took. Rows come from Parquet files, so that others can load the
// same.
//   usage: engine_bench FOLDER KEY[,KEY…] [INDEX_MIB] [THREADS]
//   append FILE [ROWS]   adds the file's rows in one commit, or in commits of ROWS rows
//   upsert FILE          a keyed merge (merge-on-read, key index) and its commit, reading the file included
//   delete FILE          the same, the rows being only keys to delete
//   maintain             what a run does after its commit: compaction, if it is due
//   compact [BYTES]      all small files, and all deletes, into files of that target size (default 512 MiB)
//   catch_up             brings the key index to the table's snapshot
//   scan [OUT]           reads all live rows as Arrow batches; writes them to a Parquet file, if one is named
#include <arrow/array/array_primitive.h>
#include <arrow/array/util.h>
#include <arrow/io/file.h>
#include <arrow/memory_pool.h>
#include <arrow/record_batch.h>
#include <arrow/scalar.h>
#include <parquet/arrow/reader.h>
#include <parquet/arrow/writer.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <iostream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/uuid.h"
#include "catalog/sqlite/catalog.h"
#include "io/local_file_store.h"
#include "schema/arrow_mapping.h"
#include "table/commit/committer.h"
#include "table/commit/schema_update.h"
#include "table/delete/delete_reader.h"
#include "table/maintenance/maintenance.h"
#include "table/scan/live_rows.h"
#include "table/write/key_hasher.h"
#include "table/write/key_index_sync.h"
#include "table/write/row_delta.h"

namespace {

using namespace firn;         // NOLINT
using namespace firn::table;  // NOLINT
using Json = nlohmann::json;

constexpr int kZstdLevel = 1;  // what runs write tables with
constexpr int64_t kBatchRows = 64 * 1024;
constexpr int64_t kWriterBytes = int64_t{256} << 20;

double CpuSeconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

class Watch {
 public:
  void AddTo(Json* answer) const {
    (*answer)["seconds"] = std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
    (*answer)["cpu"] = CpuSeconds() - cpu_;
  }

 private:
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  const double cpu_ = CpuSeconds();
};

int64_t PeakBytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss * 1024;
}

/// Rows of a Parquet file.
struct Rows {
  std::unique_ptr<parquet::arrow::FileReader> file;  // what `batches` reads
  std::unique_ptr<arrow::RecordBatchReader> batches;
};

struct Options {
  std::string folder;
  std::vector<std::string> keys;
  int64_t index_bytes = int64_t{64} << 20;
  int threads = 1;
};

class Engine {
 public:
  explicit Engine(Options options) : options_(std::move(options)), files_(io::MakeLocalFileStore()) {}

  Status Open() {
    ARROW_RETURN_NOT_OK(files_->CreateFolder(options_.folder));
    ARROW_ASSIGN_OR_RAISE(clock_, MakeSystemClock());
    ARROW_ASSIGN_OR_RAISE(
        catalog_, catalog::sqlite::OpenSqliteCatalog(
                      {.path = options_.folder + "/catalog.db", .warehouse = options_.folder}, *files_, *clock_));
    committer_ = Committer::Make(*catalog_, *files_, *clock_, {.engine_version = "bench"});
    ARROW_ASSIGN_OR_RAISE(opened_, committer_->OpenStream(kTable, "bench"));
    if (opened_.table) schema_ = opened_.table->metadata->schema_ptr();
    return Status::OK();
  }

  Result<Json> Do(const std::vector<std::string>& words) {
    const std::string& command = words.front();
    const std::string argument = words.size() > 1 ? words[1] : "";
    if (command == "append") return Append(argument, words.size() > 2 ? std::stoll(words[2]) : 0);
    if (command == "upsert" || command == "delete") return Merge(argument, command == "delete");
    if (command == "maintain") return Maintain(AutomaticMaintenance());
    if (command == "compact") return Compact(argument.empty() ? 0 : std::stoll(argument));
    if (command == "catch_up") return CatchUpIndex();
    if (command == "scan") return Scan(argument);
    return Status::Invalid("no such command: ", command);
  }

 private:
  Result<Rows> OpenRows(const std::string& path) {
    ARROW_ASSIGN_OR_RAISE(auto input, files_->OpenInput(path));
    parquet::ArrowReaderProperties properties;
    properties.set_batch_size(kBatchRows);
    parquet::arrow::FileReaderBuilder builder;
    ARROW_RETURN_NOT_OK(builder.Open(input));
    builder.properties(properties);
    Rows rows;
    ARROW_ASSIGN_OR_RAISE(rows.file, builder.Build());
    ARROW_ASSIGN_OR_RAISE(rows.batches, rows.file->GetRecordBatchReader());
    if (schema_ != nullptr) return rows;
    ARROW_ASSIGN_OR_RAISE(schema::Schema plain, schema::FromArrowSchema(*rows.batches->schema()));
    for (schema::Field& field : plain.fields) field.required = false;
    schema_ = std::make_shared<schema::Schema>(AssignFreshIds(plain));
    return rows;
  }

  // The next batch in the table's schema; null at the end.
  Result<std::shared_ptr<arrow::RecordBatch>> NextOf(const Rows& rows) {
    std::shared_ptr<arrow::RecordBatch> batch;
    ARROW_RETURN_NOT_OK(rows.batches->ReadNext(&batch));
    if (batch == nullptr) return batch;
    return arrow::RecordBatch::Make(schema::ToArrowSchema(*schema_), batch->num_rows(), batch->columns());
  }

  Result<TableWriterOptions> WriterOptions() const {
    return TableWriterOptions{.schema = schema_,
                              .location = catalog_->DefaultLocation(kTable),
                              .epoch = opened_.epoch,
                              .memory_bytes = kWriterBytes,
                              .zstd_level = kZstdLevel,
                              .threads = options_.threads,
                              .clock = clock_.get()};
  }

  Result<Json> Append(const std::string& path, int64_t rows_per_commit) {
    Json answer;
    const Watch watch;
    ARROW_ASSIGN_OR_RAISE(const Rows rows, OpenRows(path));
    int64_t commits = 0;
    std::unique_ptr<TableWriter> writer;
    int64_t num_rows = 0;
    const auto commit = [&]() -> Status {
      if (writer == nullptr || num_rows == 0) return Status::OK();
      ARROW_ASSIGN_OR_RAISE(const auto written, writer->Finish());
      writer.reset();
      ++commits;
      return Commit({.mode = WriteMode::kAppend, .added = DataFilesOf(written), .rows = std::exchange(num_rows, 0)})
          .status();
    };
    for (;;) {
      ARROW_ASSIGN_OR_RAISE(auto batch, NextOf(rows));
      if (batch == nullptr) break;
      while (batch->num_rows() > 0) {
        if (writer == nullptr) {
          ARROW_ASSIGN_OR_RAISE(auto options, WriterOptions());
          ARROW_ASSIGN_OR_RAISE(writer, TableWriter::Make(*files_, std::move(options)));
        }
        const int64_t room = rows_per_commit == 0 ? batch->num_rows() : rows_per_commit - num_rows;
        const int64_t taken = std::min(room, batch->num_rows());
        ARROW_RETURN_NOT_OK(writer->Append(batch->Slice(0, taken)));
        batch = batch->Slice(taken);
        num_rows += taken;
        if (rows_per_commit > 0 && num_rows == rows_per_commit) ARROW_RETURN_NOT_OK(commit());
      }
    }
    ARROW_RETURN_NOT_OK(commit());
    watch.AddTo(&answer);
    answer["commits"] = commits;
    return answer;
  }

  struct Change {
    WriteMode mode = WriteMode::kAppend;
    std::vector<DataFile> added;
    std::vector<std::string> removed;
    int64_t rows = 0;
  };
  Result<Snapshot> Commit(Change change) {
    StagedTable staged{.identifier = kTable,
                       .mode = change.mode,
                       .added = std::move(change.added),
                       .removed = std::move(change.removed),
                       .stream_id = "bench",
                       .epoch = opened_.epoch,
                       .from = opened_.version,
                       .state = "{\"commit\":" + std::to_string(++num_commits_) + "}",
                       .run = MakeUuid4().ToString(),
                       .rows = change.rows};
    if (change.mode == WriteMode::kRowDelta) {
      staged.replan = [](const catalog::LoadedTable&, std::stop_token) -> Result<RowDelta> {
        return Status::Invalid("another writer was here");
      };
    }
    if (opened_.table)
      staged.base = opened_.table->metadata;
    else
      staged.create = CreateTable{.schema = *schema_};
    ARROW_ASSIGN_OR_RAISE(const auto done, committer_->Commit({&staged, 1}, {}));
    opened_ = {.table = done.front().table, .version = done.front().version, .epoch = opened_.epoch};
    schema_ = opened_.table->metadata->schema_ptr();
    return *opened_.table->metadata->CurrentSnapshot();
  }

  Result<ScanPlan> Plan() {
    return PlanFiles(*files_, *opened_.table->metadata, *opened_.table->metadata->CurrentSnapshot(),
                     {.keep_metrics = true, .deletes = ScanOptions::Deletes::kPlan});
  }

  Result<std::vector<int32_t>> KeyIds() const {
    std::vector<int32_t> ids;
    for (const std::string& key : options_.keys) {
      const schema::Field* field = schema_->Find(key);
      if (field == nullptr) return Status::Invalid("no column ", key);
      ids.push_back(field->id);
    }
    return ids;
  }

  Status OpenIndex() {
    if (index_ != nullptr) return Status::OK();
    ARROW_ASSIGN_OR_RAISE(const auto ids, KeyIds());
    ARROW_ASSIGN_OR_RAISE(const auto keys, KeySchema(*schema_, ids));
    const index::KeyIndexOptions made{.folder = options_.folder + "/index",
                                      .table_uuid = IndexIdentity(opened_.table->metadata->table_uuid, keys),
                                      .memory_bytes = options_.index_bytes};
    ARROW_ASSIGN_OR_RAISE(auto opened, index::KeyIndex::Open(*files_, made));
    index_ = std::move(opened.index);
    if (index_ != nullptr) return Status::OK();
    ARROW_ASSIGN_OR_RAISE(index_, index::KeyIndex::Create(*files_, made));
    return Status::OK();
  }

  Result<Json> Merge(const std::string& path, bool deletes) {
    Json answer;
    ARROW_RETURN_NOT_OK(OpenIndex());
    const Watch watch;
    ARROW_ASSIGN_OR_RAISE(const Rows rows, OpenRows(path));
    ARROW_ASSIGN_OR_RAISE(auto options, WriterOptions());
    ARROW_ASSIGN_OR_RAISE(const auto ids, KeyIds());
    ARROW_ASSIGN_OR_RAISE(
        auto merge,
        MergeWriter::Make(*files_, {.writer = std::move(options), .key_field_ids = ids, .index = index_.get()}));
    int64_t num_rows = 0;
    for (;;) {
      ARROW_ASSIGN_OR_RAISE(const auto batch, NextOf(rows));
      if (batch == nullptr) break;
      num_rows += batch->num_rows();
      ARROW_ASSIGN_OR_RAISE(const auto mask,
                            arrow::MakeArrayFromScalar(arrow::BooleanScalar(deletes), batch->num_rows()));
      ARROW_RETURN_NOT_OK(merge->Append(batch, static_cast<const arrow::BooleanArray*>(mask.get())).status());
    }
    ARROW_ASSIGN_OR_RAISE(const ScanPlan plan, Plan());
    ARROW_ASSIGN_OR_RAISE(MergeResult result, merge->Finish({.metadata = opened_.table->metadata, .live = &plan}));
    Change change{.mode = WriteMode::kRowDelta, .added = std::move(result.added), .rows = num_rows};
    for (DataFile& file : result.added_deletes) change.added.push_back(std::move(file));
    for (const auto* gone : {&result.removed, &result.removed_deletes}) {
      for (const ManifestEntry& entry : *gone) change.removed.push_back(FileKeyOf(entry.file));
    }
    ARROW_ASSIGN_OR_RAISE(const Snapshot snapshot, Commit(std::move(change)));
    ARROW_RETURN_NOT_OK(merge->Committed(snapshot));
    watch.AddTo(&answer);
    answer["rows"] = num_rows;
    answer["updated"] = result.rows_updated;
    answer["inserted"] = result.rows_inserted;
    answer["deleted"] = result.rows_deleted;
    answer["by_index"] = result.by_index;
    return answer;
  }

  Result<Json> Compact(int64_t target_bytes) {
    MaintenanceOptions options;
    options.compaction.files_min = 2;
    options.compaction.deleted_share_min = 0;
    options.compaction.delete_files_max = 0;
    options.compaction.target_file_bytes = target_bytes;
    return Maintain(options);
  }

  Result<Json> Maintain(MaintenanceOptions options) {
    Json answer;
    options.threads = options_.threads;
    options.temporary_folder = options_.folder;
    const Watch watch;
    ARROW_ASSIGN_OR_RAISE(
        const auto report,
        MaintainTable({.catalog = *catalog_, .files = *files_, .committer = *committer_, .clock = *clock_}, kTable,
                      options, {}));
    // As the next run would find it: the stream goes on where it was.
    ARROW_ASSIGN_OR_RAISE(auto loaded, catalog_->LoadTable(kTable));
    opened_.table = std::move(loaded);
    watch.AddTo(&answer);
    answer["due"] = report.due;
    answer["files_read"] = report.files_read;
    answer["files_written"] = report.files_written;
    answer["bytes_read"] = report.bytes_read;
    return answer;
  }

  Result<Json> CatchUpIndex() {
    Json answer;
    ARROW_RETURN_NOT_OK(OpenIndex());
    const Watch watch;
    ARROW_ASSIGN_OR_RAISE(const auto ids, KeyIds());
    ARROW_ASSIGN_OR_RAISE(const auto keys, KeySchema(*schema_, ids));
    const auto reader = DeleteReader::Make(*files_, opened_.table->metadata);
    ARROW_ASSIGN_OR_RAISE(const ScanPlan plan, Plan());
    const MergeTarget target{.metadata = opened_.table->metadata, .live = &plan};
    ARROW_ASSIGN_OR_RAISE(
        const KeyIndexCatchUp caught_up,
        CatchUp(*files_, target, {.key_schema = &keys, .secret = &index_->secret()}, *reader, *index_));
    watch.AddTo(&answer);
    answer["files_read"] = caught_up.files_read;
    answer["rebuilt"] = caught_up.rebuilt;
    return answer;
  }

  Result<Json> Scan(const std::string& out) {
    Json answer;
    const Watch watch;
    ARROW_ASSIGN_OR_RAISE(const ScanPlan plan, Plan());
    const auto deletes = DeleteReader::Make(*files_, opened_.table->metadata);
    std::unique_ptr<parquet::arrow::FileWriter> writer;
    if (!out.empty()) {
      ARROW_ASSIGN_OR_RAISE(auto sink, arrow::io::FileOutputStream::Open(out));
      ARROW_ASSIGN_OR_RAISE(writer, parquet::arrow::FileWriter::Open(*schema::ToArrowSchema(*schema_),
                                                                     arrow::default_memory_pool(), sink));
    }
    int64_t num_rows = 0;
    for (size_t i = 0; i < plan.files.size(); ++i) {
      ARROW_ASSIGN_OR_RAISE(auto deleted, deletes->DeletedRows(plan.files[i], plan.DeletesOf(i)));
      ARROW_ASSIGN_OR_RAISE(const auto batches,
                            OpenLiveRows(*files_, plan.files[i].file, std::move(deleted), *schema_));
      for (std::shared_ptr<arrow::RecordBatch> batch;;) {
        ARROW_RETURN_NOT_OK(batches->ReadNext(&batch));
        if (batch == nullptr) break;
        num_rows += batch->num_rows();
        if (writer != nullptr) ARROW_RETURN_NOT_OK(writer->WriteRecordBatch(*batch));
      }
    }
    if (writer != nullptr) ARROW_RETURN_NOT_OK(writer->Close());
    watch.AddTo(&answer);
    answer["rows"] = num_rows;
    answer["files"] = plan.files.size();
    answer["delete_files"] = plan.delete_files;
    return answer;
  }

 public:
  std::string metadata() const { return opened_.table ? opened_.table->metadata_location : ""; }

 private:
  inline static const catalog::TableIdentifier kTable{.ns = {"bench"}, .name = "rows"};
  const Options options_;
  const std::unique_ptr<io::FileStore> files_;
  std::unique_ptr<Clock> clock_;
  std::unique_ptr<catalog::Catalog> catalog_;
  std::unique_ptr<Committer> committer_;
  OpenedStream opened_;
  std::shared_ptr<const schema::Schema> schema_;  // null: no table yet
  std::unique_ptr<index::KeyIndex> index_;
  int64_t num_commits_ = 0;
};

std::vector<std::string> Split(const std::string& text, char separator) {
  std::vector<std::string> words;
  std::istringstream in(text);
  for (std::string word; std::getline(in, word, separator);) words.push_back(word);
  return words;
}

Status Main(int argc, char** argv) {
  Options options{.folder = argv[1], .keys = Split(argv[2], ',')};
  if (argc > 3) options.index_bytes = std::atoll(argv[3]) << 20;
  if (argc > 4) options.threads = std::atoi(argv[4]);
  Engine engine(std::move(options));
  ARROW_RETURN_NOT_OK(engine.Open());
  for (std::string line; std::getline(std::cin, line);) {
    const auto words = Split(line, ' ');
    if (words.empty()) continue;
    ARROW_ASSIGN_OR_RAISE(Json answer, engine.Do(words));
    answer["metadata"] = engine.metadata();
    answer["peak_rss_bytes"] = PeakBytes();
    std::puts(answer.dump().c_str());
    std::fflush(stdout);
  }
  return Status::OK();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::puts("usage: engine_bench FOLDER KEY[,KEY...] [INDEX_MIB] [THREADS]; commands on stdin");
    return 2;
  }
  prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);  // as firn does at its start
  const Status status = Main(argc, argv);
  if (!status.ok()) std::fprintf(stderr, "%s\n", status.ToString().c_str());
  return status.ok() ? 0 : 1;
}
