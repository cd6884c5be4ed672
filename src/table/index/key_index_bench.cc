// Builds a key index of N random-looking keys (rows in files of a million), then looks up and upserts batches of
// 100,000 random keys, then catches up with a foreign compaction of ten million rows. Prints one JSON object.
//   key_index_bench [keys=10000000] [memory MiB=64] [batches=10] [folder=$TMPDIR]
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
#include <vector>

#include "base/random.h"
#include "io/local_file_store.h"
#include "io/temporary_folder.h"
#include "table/index/key_index.h"

namespace {

using namespace firn;                // NOLINT
using namespace firn::table::index;  // NOLINT

constexpr int64_t kFileRows = 1'000'000;
constexpr int64_t kBatchRows = 100'000;
constexpr int64_t kCompactedRows = 10'000'000;

class Watch {
 public:
  double Seconds() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count(); }
  double CpuSeconds() const { return Cpu() - cpu_; }

 private:
  static double Cpu() {
    timespec now{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
  }
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  const double cpu_ = Cpu();
};

int64_t PeakBytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss * 1024;
}

class Bench {
 public:
  Bench(int64_t num_keys, KeyIndexOptions options)
      : num_keys_(num_keys), files_(io::MakeLocalFileStore()), options_(std::move(options)) {}

  Status Run(int num_batches) {
    ARROW_ASSIGN_OR_RAISE(index_, KeyIndex::Create(*files_, options_));
    ARROW_RETURN_NOT_OK(Build());
    ARROW_RETURN_NOT_OK(Batches(num_batches));
    ARROW_RETURN_NOT_OK(Compact());
    ARROW_RETURN_NOT_OK(Open());
    std::printf("\"budget_bytes\":%lld,\"peak_rss_bytes\":%lld}\n", static_cast<long long>(options_.memory_bytes),
                static_cast<long long>(PeakBytes()));
    return Status::OK();
  }

 private:
  void Print(const char* name, const Watch& watch) {
    const KeyIndexStats stats = index_->stats();
    std::printf(
        "\"%s\":{\"seconds\":%.3f,\"cpu_seconds\":%.3f,\"runs\":%lld,\"disk_bytes\":%lld,\"index_bytes\":%lld,"
        "\"rss_bytes\":%lld},\n",
        name, watch.Seconds(), watch.CpuSeconds(), static_cast<long long>(stats.num_runs),
        static_cast<long long>(stats.disk_bytes), static_cast<long long>(index_->memory_bytes()),
        static_cast<long long>(PeakBytes()));
    std::fflush(stdout);
  }
  KeyHash HashOf(int64_t key) const {
    return SipHash128(index_->secret(), {reinterpret_cast<const char*>(&key), sizeof key});
  }
  // Adds keys [first, end) as rows of a new file, a batch at a time.
  Status AddRows(const std::string& path, int64_t first, int64_t end) {
    ARROW_ASSIGN_OR_RAISE(const FileOrdinal file, index_->AddFile(path));
    std::vector<KeyHash> keys;
    std::vector<RowAddress> rows;
    for (int64_t key = first; key < end;) {
      keys.clear();
      rows.clear();
      for (; key < end && keys.size() < 10'000; ++key) {
        keys.push_back(HashOf(key));
        rows.push_back({file, key - first});
      }
      ARROW_RETURN_NOT_OK(index_->Add(keys, rows));
    }
    return Status::OK();
  }

  Status Build() {
    const Watch watch;
    for (int64_t first = 0; first < num_keys_; first += kFileRows) {
      ARROW_RETURN_NOT_OK(
          AddRows("/lake/data/" + std::to_string(first), first, std::min(first + kFileRows, num_keys_)));
    }
    ARROW_RETURN_NOT_OK(index_->Publish({.snapshot_id = {++snapshot_}, .sequence_number = snapshot_}));
    std::printf("{\"keys\":%lld,\n", static_cast<long long>(num_keys_));
    Print("build", watch);
    const Watch merging;
    for (;;) {
      ARROW_ASSIGN_OR_RAISE(const bool more, index_->Maintain(1'000'000));
      if (!more) break;
    }
    ARROW_RETURN_NOT_OK(index_->Publish({.snapshot_id = {++snapshot_}, .sequence_number = snapshot_}));
    Print("merge", merging);
    return Status::OK();
  }

  Status Batches(int num_batches) {
    Random random(1);
    std::vector<double> lookups, upserts;
    int64_t num_found = 0;
    const Watch watch;
    for (int batch = 0; batch < num_batches; ++batch) {
      ARROW_ASSIGN_OR_RAISE(const FileOrdinal file, index_->AddFile("/lake/upsert/" + std::to_string(batch)));
      std::vector<int64_t> chosen;
      for (int64_t i = 0; i < kBatchRows; ++i) {
        const bool is_new = i % 5 == 0;  // a fifth are keys the table does not have
        chosen.push_back(is_new ? num_keys_ + batch * kBatchRows + i
                                : static_cast<int64_t>(random.Below(static_cast<uint64_t>(num_keys_))));
      }
      std::ranges::sort(chosen);
      const auto twice = std::ranges::unique(chosen);
      chosen.erase(twice.begin(), twice.end());
      std::vector<KeyHash> keys;
      std::vector<RowAddress> rows;
      for (const int64_t key : chosen) {
        keys.push_back(HashOf(key));
        rows.push_back({file, static_cast<int64_t>(rows.size())});
      }
      const Watch looking;
      ARROW_ASSIGN_OR_RAISE(const auto found, index_->Lookup(keys, nullptr));
      lookups.push_back(looking.Seconds());
      num_found += static_cast<int64_t>(found.size());
      const Watch upserting;
      ARROW_ASSIGN_OR_RAISE(const auto before, index_->Upsert(keys, rows, nullptr));
      if (before.size() != found.size()) return Status::Invalid("lookup and upsert differ");
      ARROW_RETURN_NOT_OK(index_->Publish({.snapshot_id = {++snapshot_}, .sequence_number = snapshot_}));
      upserts.push_back(upserting.Seconds());
    }
    std::ranges::sort(lookups);
    std::ranges::sort(upserts);
    const KeyIndexStats stats = index_->stats();
    std::printf(
        "\"lookup_median_seconds\":%.4f,\"lookup_max_seconds\":%.4f,\"upsert_publish_median_seconds\":%.4f,"
        "\"upsert_publish_max_seconds\":%.4f,\"found\":%lld,\"blocks_read\":%lld,\"blocks_cached\":%lld,\n",
        lookups[lookups.size() / 2], lookups.back(), upserts[upserts.size() / 2], upserts.back(),
        static_cast<long long>(num_found), static_cast<long long>(stats.blocks_read),
        static_cast<long long>(stats.blocks_cached));
    Print("batches", watch);
    return Status::OK();
  }

  // Somebody rewrote the first ten files into others.
  Status Compact() {
    const int64_t end = std::min(kCompactedRows, num_keys_);
    const Watch watch;
    for (int64_t first = 0; first < end; first += kFileRows) {
      ARROW_RETURN_NOT_OK(index_->RemoveFile("/lake/data/" + std::to_string(first)));
      ARROW_RETURN_NOT_OK(AddRows("/lake/new/" + std::to_string(first), first, std::min(first + kFileRows, end)));
    }
    ARROW_RETURN_NOT_OK(index_->Accept({.snapshot_id = {++snapshot_}, .sequence_number = snapshot_}));
    Print("compaction_usable", watch);
    ARROW_RETURN_NOT_OK(index_->Publish({.snapshot_id = {snapshot_}, .sequence_number = snapshot_}));
    Print("compaction_published", watch);
    return Status::OK();
  }

  Status Open() {
    index_.reset();
    const Watch watch;
    ARROW_ASSIGN_OR_RAISE(auto opened, KeyIndex::Open(*files_, options_));
    if (opened.index == nullptr) return Status::Invalid(opened.why);
    index_ = std::move(opened.index);
    Print("open", watch);
    return Status::OK();
  }

  const int64_t num_keys_;
  const std::unique_ptr<io::FileStore> files_;
  const KeyIndexOptions options_;
  std::unique_ptr<KeyIndex> index_;
  int64_t snapshot_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  const int64_t num_keys = argc > 1 ? std::atoll(argv[1]) : 10'000'000;
  const int64_t memory_mib = argc > 2 ? std::atoll(argv[2]) : 64;
  const int num_batches = argc > 3 ? std::atoi(argv[3]) : 10;
  if (argc > 4) setenv("TMPDIR", argv[4], 1);
  const io::TemporaryFolder folder;
  Bench bench(num_keys,
              {.folder = folder.path() + "/index", .table_uuid = MakeUuid4(), .memory_bytes = memory_mib << 20});
  const Status status = bench.Run(num_batches);
  if (!status.ok()) std::fprintf(stderr, "%s\n", status.ToString().c_str());
  return status.ok() ? 0 : 1;
}
