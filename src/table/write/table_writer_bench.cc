// Rows in memory to a committed table, against Arrow's Parquet writer alone on the same rows, both zstd level 3 and
// alternating. Prints one JSON object: CPU seconds of each round, bytes of the files, and the table's metadata.
// usage: table_writer_bench FOLDER ROWS.parquet [ROUNDS]
#include <arrow/io/file.h>
#include <arrow/memory_pool.h>
#include <arrow/record_batch.h>
#include <arrow/table.h>
#include <parquet/arrow/reader.h>
#include <parquet/arrow/writer.h>

#include <cstdio>
#include <cstdlib>
#include <ctime>
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

constexpr int kZstdLevel = 3;

// CPU time of the process: neighbours on the machine do not count.
double CpuSeconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

struct Round {
  double ours_seconds = 0;
  double arrow_seconds = 0;
};

class Bench {
 public:
  Bench(std::string root, std::string rows, int rounds)
      : root_(std::move(root)), path_(std::move(rows)), num_rounds_(rounds), files_(io::MakeLocalFileStore()) {}

  Status Run() {
    ARROW_ASSIGN_OR_RAISE(clock_, MakeSystemClock());
    ARROW_ASSIGN_OR_RAISE(auto input, files_->OpenInput(path_));
    ARROW_ASSIGN_OR_RAISE(auto reader, parquet::arrow::OpenFile(input, arrow::default_memory_pool()));
    ARROW_ASSIGN_OR_RAISE(auto table, reader->ReadTable());
    ARROW_ASSIGN_OR_RAISE(rows_, table->CombineChunksToBatch());
    ARROW_ASSIGN_OR_RAISE(schema::Schema plain, schema::FromArrowSchema(*rows_->schema()));
    for (schema::Field& field : plain.fields) field.required = false;
    schema_ = std::make_shared<schema::Schema>(AssignFreshIds(plain));
    std::vector<Round> rounds(static_cast<size_t>(num_rounds_));
    for (Round& round : rounds) {
      ARROW_RETURN_NOT_OK(Timed(&round.ours_seconds, [&] { return WriteTable(); }));
      ARROW_RETURN_NOT_OK(Timed(&round.arrow_seconds, [&] { return WriteWithArrow(); }));
    }
    std::printf("{\"metadata\":\"%s\",\"rows\":%lld,\"bytes\":%lld,\"arrow_bytes\":%lld,\"rounds\":[",
                metadata_.c_str(), static_cast<long long>(rows_->num_rows()), static_cast<long long>(bytes_),
                static_cast<long long>(arrow_bytes_));
    for (size_t i = 0; i < rounds.size(); ++i) {
      std::printf("%s{\"cpu\":%.4f,\"arrow_cpu\":%.4f}", i == 0 ? "" : ",", rounds[i].ours_seconds,
                  rounds[i].arrow_seconds);
    }
    std::puts("]}");
    return Status::OK();
  }

 private:
  template <typename Work>
  static Status Timed(double* seconds, Work&& work) {
    const double begin = CpuSeconds();
    ARROW_RETURN_NOT_OK(work());
    *seconds = CpuSeconds() - begin;
    return Status::OK();
  }

  // A new warehouse with one table, from catalog to commit.
  Status WriteTable() {
    const catalog::TableIdentifier name{.ns = {"bench"}, .name = "lineitem"};
    const std::string folder = root_ + "/" + MakeUuid4().ToString();
    ARROW_ASSIGN_OR_RAISE(auto catalog, catalog::sqlite::OpenSqliteCatalog(
                                            {.path = folder + "/catalog.db", .warehouse = folder}, *files_, *clock_));
    auto committer = Committer::Make(*catalog, *files_, *clock_, {.engine_version = "bench"});
    ARROW_ASSIGN_OR_RAISE(auto opened, committer->OpenStream(name, "bench"));
    ARROW_ASSIGN_OR_RAISE(auto writer, TableWriter::Make(*files_, {.schema = schema_,
                                                                   .location = catalog->DefaultLocation(name),
                                                                   .epoch = opened.epoch,
                                                                   .zstd_level = kZstdLevel,
                                                                   .clock = clock_.get()}));
    const auto with_ids = schema::ToArrowSchema(*schema_);
    ARROW_RETURN_NOT_OK(writer->Append(arrow::RecordBatch::Make(with_ids, rows_->num_rows(), rows_->columns())));
    ARROW_ASSIGN_OR_RAISE(const auto written, writer->Finish());
    StagedTable staged{.identifier = name,
                       .create = CreateTable{.schema = *schema_},
                       .added = DataFilesOf(written),
                       .stream_id = "bench",
                       .epoch = opened.epoch,
                       .from = opened.version,
                       .state = "{}",
                       .run = MakeUuid4().ToString(),
                       .rows = rows_->num_rows()};
    ARROW_ASSIGN_OR_RAISE(auto done, committer->Commit({&staged, 1}, {}));
    metadata_ = done.front().table.metadata_location;
    bytes_ = 0;
    for (const DataFile& file : staged.added) bytes_ += file.file_size_bytes;
    return Status::OK();
  }

  Status WriteWithArrow() {
    const std::string path = root_ + "/" + MakeUuid4().ToString() + ".parquet";
    ARROW_ASSIGN_OR_RAISE(auto sink, arrow::io::FileOutputStream::Open(path));
    const auto properties = parquet::WriterProperties::Builder()
                                .compression(parquet::Compression::ZSTD)
                                ->compression_level(kZstdLevel)
                                ->build();
    ARROW_ASSIGN_OR_RAISE(const auto table, arrow::Table::FromRecordBatches({rows_}));
    ARROW_RETURN_NOT_OK(
        parquet::arrow::WriteTable(*table, arrow::default_memory_pool(), sink, int64_t{1} << 20, properties));
    ARROW_ASSIGN_OR_RAISE(arrow_bytes_, sink->Tell());
    ARROW_RETURN_NOT_OK(sink->Close());
    return files_->Remove(path);
  }

  const std::string root_, path_;
  const int num_rounds_;
  std::unique_ptr<io::FileStore> files_;
  std::unique_ptr<Clock> clock_;
  std::shared_ptr<arrow::RecordBatch> rows_;
  std::shared_ptr<const schema::Schema> schema_;
  std::string metadata_;
  int64_t bytes_ = 0;
  int64_t arrow_bytes_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::puts("usage: table_writer_bench FOLDER ROWS.parquet [ROUNDS]");
    return 2;
  }
  const Status status = Bench(argv[1], argv[2], argc > 3 ? std::atoi(argv[3]) : 3).Run();
  if (!status.ok()) std::fprintf(stderr, "%s\n", status.ToString().c_str());
  return status.ok() ? 0 : 1;
}
