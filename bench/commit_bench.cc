// Appends slices of a Parquet file to one Iceberg table, one commit per slice, every file synced; prints one JSON
// object with the milliseconds of each commit, and metadata bytes and live snapshots after each. The slices begin anew
// when the file is used up. With BARE_EVERY, in between, what no commit can be faster than: four files of about the
// same size, each written and synced, nothing else; as many of these loops in all as commits divided by BARE_EVERY.
#include <arrow/memory_pool.h>
#include <arrow/record_batch.h>
#include <arrow/table.h>
#include <fcntl.h>
#include <parquet/arrow/reader.h>
#include <time.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/uuid.h"
#include "catalog/sqlite/catalog.h"
#include "io/local_file_store.h"
#include "schema/arrow_mapping.h"
#include "table/commit/committer.h"
#include "table/commit/schema_update.h"
#include "table/write/table_writer.h"

namespace {

using namespace firn;         // NOLINT
using namespace firn::table;  // NOLINT

struct Options {
  std::string root;  // of the warehouse
  std::string rows;  // Parquet file
  int64_t num_commits = 300;
  int64_t rows_per_commit = 1000;
  int64_t bare_every = 0;  // 0: never
};

struct Commit {
  double milliseconds = 0;
  double cpu_milliseconds = 0;  // user and system, all threads: what a busy machine does not change much
  int64_t metadata_bytes = 0;
  size_t num_snapshots = 0;
};

Result<std::shared_ptr<arrow::Table>> ReadRows(io::FileStore& files, const std::string& path) {
  ARROW_ASSIGN_OR_RAISE(auto input, files.OpenInput(path));
  ARROW_ASSIGN_OR_RAISE(auto reader, parquet::arrow::OpenFile(input, arrow::default_memory_pool()));
  ARROW_ASSIGN_OR_RAISE(auto table, reader->ReadTable());
  return table->CombineChunks();
}

double CpuMilliseconds() {
  timespec time{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) / 1e6;
}

constexpr int kZstdLevel = 1;  // what runs write tables with

// The bare loop's files: data, manifest, list and metadata of a young table.
constexpr size_t kBareBytes[] = {36 << 10, 6 << 10, 8 << 10, 16 << 10};

Status WriteAndSync(const std::string& path, size_t size) {
  static const std::string kBytes(kBareBytes[0], 'x');
  const int file = ::open(path.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0644);
  if (file < 0) return Status::IOError("open ", path);
  const bool done = ::write(file, kBytes.data(), size) == static_cast<ssize_t>(size) && ::fsync(file) == 0;
  ::close(file);
  return done ? Status::OK() : Status::IOError("write ", path);
}

class Bench {
 public:
  explicit Bench(Options options) : options_(std::move(options)), files_(io::MakeLocalFileStore()) {}

  Status Run() {
    ARROW_ASSIGN_OR_RAISE(clock_, MakeSystemClock());
    ARROW_ASSIGN_OR_RAISE(rows_, ReadRows(*files_, options_.rows));
    if (rows_->num_rows() < options_.rows_per_commit) return Status::Invalid("too few rows");
    ARROW_RETURN_NOT_OK(files_->CreateFolder(options_.root + "/bare"));
    ARROW_ASSIGN_OR_RAISE(schema::Schema plain, schema::FromArrowSchema(*rows_->schema()));
    for (schema::Field& field : plain.fields) field.required = false;
    schema_ = std::make_shared<schema::Schema>(AssignFreshIds(plain));
    ARROW_ASSIGN_OR_RAISE(catalog_,
                          catalog::sqlite::OpenSqliteCatalog(
                              {.path = options_.root + "/catalog.db", .warehouse = options_.root}, *files_, *clock_));
    committer_ = Committer::Make(*catalog_, *files_, *clock_, {.engine_version = "bench"});
    ARROW_ASSIGN_OR_RAISE(opened_, committer_->OpenStream(kTable, "bench"));
    std::vector<Commit> commits;
    for (int64_t i = 0; i < options_.num_commits; ++i) {
      const double cpu_begin = CpuMilliseconds();
      const auto begin = std::chrono::steady_clock::now();
      ARROW_RETURN_NOT_OK(Append(i));
      const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begin;
      ARROW_ASSIGN_OR_RAISE(const int64_t bytes, files_->Size(opened_.table->metadata_location));
      const double cpu = CpuMilliseconds() - cpu_begin;
      commits.push_back({took.count(), cpu, bytes, opened_.table->metadata->snapshots.size()});
      if (options_.bare_every > 0 && i % options_.bare_every == 0) ARROW_RETURN_NOT_OK(BareCommit(i));
    }
    Print(commits);
    return Status::OK();
  }

 private:
  Status BareCommit(int64_t index) {
    const auto begin = std::chrono::steady_clock::now();
    const std::string name = options_.root + "/bare/" + std::to_string(index) + "-";
    for (size_t i = 0; i < std::size(kBareBytes); ++i) {
      ARROW_RETURN_NOT_OK(WriteAndSync(name + std::to_string(i), kBareBytes[i]));
    }
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begin;
    bare_ms_.push_back(took.count());
    return Status::OK();
  }

  // What one small load of a service does: rows to a data file, state, manifest, list, metadata, swap.
  Status Append(int64_t index) {
    TableWriterOptions writing{.schema = schema_,
                               .location = catalog_->DefaultLocation(kTable),
                               .epoch = opened_.epoch,
                               .zstd_level = kZstdLevel,
                               .clock = clock_.get()};
    ARROW_ASSIGN_OR_RAISE(auto writer, TableWriter::Make(*files_, std::move(writing)));
    const int64_t num_slices = rows_->num_rows() / options_.rows_per_commit;
    const auto slice = rows_->Slice(index % num_slices * options_.rows_per_commit, options_.rows_per_commit);
    ARROW_ASSIGN_OR_RAISE(auto batch, slice->CombineChunksToBatch());
    const auto with_ids = schema::ToArrowSchema(*schema_);
    ARROW_RETURN_NOT_OK(writer->Append(arrow::RecordBatch::Make(with_ids, batch->num_rows(), batch->columns())));
    ARROW_ASSIGN_OR_RAISE(const auto written, writer->Finish());
    StagedTable staged{.identifier = kTable,
                       .added = DataFilesOf(written),
                       .stream_id = "bench",
                       .epoch = opened_.epoch,
                       .from = opened_.version,
                       .state = "{\"commit\":" + std::to_string(index) + "}",
                       .run = MakeUuid4().ToString(),
                       .rows = options_.rows_per_commit};
    if (opened_.table)
      staged.base = opened_.table->metadata;
    else
      staged.create = CreateTable{.schema = *schema_};
    ARROW_ASSIGN_OR_RAISE(auto done, committer_->Commit({&staged, 1}, {}));
    opened_ = {.table = done.front().table, .version = done.front().version, .epoch = opened_.epoch};
    return Status::OK();
  }

  void Print(const std::vector<Commit>& commits) const {
    std::printf("{\"metadata\":\"%s\",\"commits\":[", opened_.table->metadata_location.c_str());
    for (size_t i = 0; i < commits.size(); ++i) {
      std::printf("%s{\"ms\":%.3f,\"cpu_ms\":%.3f,\"metadata_bytes\":%lld,\"snapshots\":%zu}", i == 0 ? "" : ",",
                  commits[i].milliseconds, commits[i].cpu_milliseconds,
                  static_cast<long long>(commits[i].metadata_bytes), commits[i].num_snapshots);
    }
    std::printf("],\"bare_ms\":[");
    for (size_t i = 0; i < bare_ms_.size(); ++i) std::printf("%s%.3f", i == 0 ? "" : ",", bare_ms_[i]);
    std::puts("]}");
  }

  inline static const catalog::TableIdentifier kTable{.ns = {"bench"}, .name = "lineitem"};
  const Options options_;
  std::unique_ptr<io::FileStore> files_;
  std::unique_ptr<Clock> clock_;
  std::shared_ptr<arrow::Table> rows_;
  std::shared_ptr<const schema::Schema> schema_;
  std::unique_ptr<catalog::Catalog> catalog_;
  std::unique_ptr<Committer> committer_;
  OpenedStream opened_;
  std::vector<double> bare_ms_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::puts("usage: commit_bench FOLDER ROWS.parquet [COMMITS] [ROWS_PER_COMMIT] [BARE_EVERY]");
    return 2;
  }
  Options options{.root = argv[1], .rows = argv[2]};
  if (argc > 3) options.num_commits = std::atoll(argv[3]);
  if (argc > 4) options.rows_per_commit = std::atoll(argv[4]);
  if (argc > 5) options.bare_every = std::atoll(argv[5]);
  const Status status = Bench(std::move(options)).Run();
  if (!status.ok()) std::fprintf(stderr, "%s\n", status.ToString().c_str());
  return status.ok() ? 0 : 1;
}
