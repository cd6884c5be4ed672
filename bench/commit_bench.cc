// Appends slices of a Parquet file to one Iceberg table, one commit per slice, every file synced; prints one JSON
// object with the milliseconds of each commit, and metadata bytes and live snapshots after each.
#include <arrow/memory_pool.h>
#include <arrow/record_batch.h>
#include <arrow/table.h>
#include <parquet/arrow/reader.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
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
};

struct Commit {
  double milliseconds = 0;
  int64_t metadata_bytes = 0;
  size_t num_snapshots = 0;
};

Result<std::shared_ptr<arrow::Table>> ReadRows(io::FileStore& files, const std::string& path) {
  ARROW_ASSIGN_OR_RAISE(auto input, files.OpenInput(path));
  ARROW_ASSIGN_OR_RAISE(auto reader, parquet::arrow::OpenFile(input, arrow::default_memory_pool()));
  ARROW_ASSIGN_OR_RAISE(auto table, reader->ReadTable());
  return table->CombineChunks();
}

class Bench {
 public:
  explicit Bench(Options options) : options_(std::move(options)), files_(io::MakeLocalFileStore()) {}

  Status Run() {
    ARROW_ASSIGN_OR_RAISE(clock_, MakeSystemClock());
    ARROW_ASSIGN_OR_RAISE(rows_, ReadRows(*files_, options_.rows));
    if (rows_->num_rows() < options_.num_commits * options_.rows_per_commit) return Status::Invalid("too few rows");
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
      const auto begin = std::chrono::steady_clock::now();
      ARROW_RETURN_NOT_OK(Append(i));
      const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begin;
      ARROW_ASSIGN_OR_RAISE(const int64_t bytes, files_->Size(opened_.table->metadata_location));
      commits.push_back({took.count(), bytes, opened_.table->metadata->snapshots.size()});
    }
    Print(commits);
    return Status::OK();
  }

 private:
  // What one small load of a service does: rows to a data file, state, manifest, list, metadata, swap.
  Status Append(int64_t index) {
    TableWriterOptions writing{.schema = schema_,
                               .location = catalog_->DefaultLocation(kTable),
                               .epoch = opened_.epoch,
                               .clock = clock_.get()};
    ARROW_ASSIGN_OR_RAISE(auto writer, TableWriter::Make(*files_, std::move(writing)));
    const auto slice = rows_->Slice(index * options_.rows_per_commit, options_.rows_per_commit);
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
      std::printf("%s{\"ms\":%.3f,\"metadata_bytes\":%lld,\"snapshots\":%zu}", i == 0 ? "" : ",",
                  commits[i].milliseconds, static_cast<long long>(commits[i].metadata_bytes), commits[i].num_snapshots);
    }
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
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::puts("usage: commit_bench FOLDER ROWS.parquet [COMMITS] [ROWS_PER_COMMIT]");
    return 2;
  }
  Options options{.root = argv[1], .rows = argv[2]};
  if (argc > 3) options.num_commits = std::atoll(argv[3]);
  if (argc > 4) options.rows_per_commit = std::atoll(argv[4]);
  const Status status = Bench(std::move(options)).Run();
  if (!status.ok()) std::fprintf(stderr, "%s\n", status.ToString().c_str());
  return status.ok() ? 0 : 1;
}
