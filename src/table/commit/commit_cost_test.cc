#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>

#include "table/commit/commit_test_support.h"

/// What a commit does to a disk, counted: not more at commit 300 than at commit 10, and nothing twice. And that what is
/// remembered between commits is not trusted when somebody else has committed.
namespace firn::table {
namespace {

using namespace commit_testing;

struct Effects {
  int files_made = 0;
  int files_synced = 0;
  int folders_synced = 0;
  int64_t bytes_written = 0;
  int files_read = 0;
  int64_t bytes_read = 0;
};

// Counts what goes to the disk, and passes it on.
class CountingDisk : public io::Disk {
 public:
  int Create(const std::string& path) override {
    ++files_made;
    return io::SystemDisk().Create(path);
  }
  ssize_t Write(int file, const void* bytes, size_t size) override {
    bytes_written += static_cast<int64_t>(size);
    return io::SystemDisk().Write(file, bytes, size);
  }
  int Sync(int file) override {
    ++files_synced;
    return io::SystemDisk().Sync(file);
  }
  int Close(int file) override { return io::SystemDisk().Close(file); }
  int Rename(const std::string& from, const std::string& to) override { return io::SystemDisk().Rename(from, to); }
  int Link(const std::string& from, const std::string& to) override { return io::SystemDisk().Link(from, to); }
  int Unlink(const std::string& path) override { return io::SystemDisk().Unlink(path); }
  int MakeFolder(const std::string& path) override { return io::SystemDisk().MakeFolder(path); }
  int SyncFolder(const std::string& path) override {
    ++folders_synced;
    return io::SystemDisk().SyncFolder(path);
  }

  std::atomic<int> files_made = 0;
  std::atomic<int> files_synced = 0;
  std::atomic<int> folders_synced = 0;
  std::atomic<int64_t> bytes_written = 0;
};

// Counts whole files that are read.
class ReadCountingStore : public io::FaultyFileStore {
 public:
  explicit ReadCountingStore(io::FileStore& store) : FaultyFileStore(store, {}) {}
  Result<std::shared_ptr<arrow::Buffer>> Read(const std::string& location, int64_t bytes_max) override {
    ARROW_ASSIGN_OR_RAISE(auto bytes, FaultyFileStore::Read(location, bytes_max));
    ++files_read;
    bytes_read += bytes->size();
    return bytes;
  }
  std::atomic<int> files_read = 0;
  std::atomic<int64_t> bytes_read = 0;
};

// A process that appends one row per commit to one table, and what each commit did.
class Appender {
 public:
  explicit Appender(Warehouse& world, CommitterOptions options = FastOptions(), std::string stream = "s")
      : world_(world),
        stream_(std::move(stream)),
        disk_files_(io::MakeLocalFileStore({.disk = &disk_})),
        files_(*disk_files_),
        catalog_(world.OpenCatalog(files_)),
        committer_(Committer::Make(*catalog_, files_, world.clock, std::move(options))) {}

  Effects Append(int64_t id) {
    const std::string run = stream_ + "-run-" + std::to_string(id);
    const OpenedStream opened = Must(committer_->OpenStream(kOrders, stream_));
    const StagedTable staged =
        Stage(opened, kOrders, stream_, run, std::to_string(id), {world_.Write(kOrders, {id}, run)});
    const Effects before = Total();
    const auto done = committer_->Commit({&staged, 1}, {});
    EXPECT_TRUE(done.ok()) << done.status().ToString();
    const Effects after = Total();
    return {.files_made = after.files_made - before.files_made,
            .files_synced = after.files_synced - before.files_synced,
            .folders_synced = after.folders_synced - before.folders_synced,
            .bytes_written = after.bytes_written - before.bytes_written,
            .files_read = after.files_read - before.files_read,
            .bytes_read = after.bytes_read - before.bytes_read};
  }

 private:
  Effects Total() const {
    return {.files_made = disk_.files_made,
            .files_synced = disk_.files_synced,
            .folders_synced = disk_.folders_synced,
            .bytes_written = disk_.bytes_written,
            .files_read = files_.files_read,
            .bytes_read = files_.bytes_read};
  }

  Warehouse& world_;
  const std::string stream_;
  CountingDisk disk_;
  std::unique_ptr<io::FileStore> disk_files_;
  ReadCountingStore files_;
  std::unique_ptr<catalog::Catalog> catalog_;
  std::unique_ptr<Committer> committer_;
};

// A window of three cycles of merging holds the price of merges and expiries in its right share.
constexpr size_t kWindow = 96;

double Mean(const std::vector<Effects>& costs, size_t begin, double (*of)(const Effects&)) {
  double sum = 0;
  for (size_t i = begin; i < begin + kWindow; ++i) sum += of(costs[i]);
  return sum / kWindow;
}

TEST(CommitCost, NoMoreFilesAndSyncsLateThanEarly) {
  Warehouse world;
  Appender appender(world);
  std::vector<Effects> costs;
  for (int64_t i = 0; i < 330; ++i) {
    world.clock.Advance(std::chrono::seconds(30));
    costs.push_back(appender.Append(i));
  }
  // A manifest, a list, a metadata file, each synced by itself; their folder once. Merging adds a manifest now and
  // then.
  EXPECT_EQ(costs[10].files_made, 3);
  EXPECT_EQ(costs[10].files_synced, 3);
  for (size_t i = 1; i < costs.size(); ++i) {
    EXPECT_LE(costs[i].files_made, 4) << "commit " << i;
    EXPECT_EQ(costs[i].files_made, costs[i].files_synced) << "commit " << i;
    EXPECT_EQ(costs[i].folders_synced, 1) << "commit " << i;
  }
  const auto files = [](const Effects& cost) { return static_cast<double>(cost.files_made); };
  const auto reads = [](const Effects& cost) { return static_cast<double>(cost.files_read); };
  const auto bytes = [](const Effects& cost) { return static_cast<double>(cost.bytes_written); };
  std::printf("per commit early, late: files %.2f %.2f, read %.2f %.2f, KiB written %.1f %.1f\n", Mean(costs, 5, files),
              Mean(costs, 230, files), Mean(costs, 5, reads), Mean(costs, 230, reads), Mean(costs, 5, bytes) / 1024,
              Mean(costs, 230, bytes) / 1024);
  EXPECT_LT(Mean(costs, 230, files), 1.05 * Mean(costs, 5, files));
  // What this process wrote it need not read, but for merged manifests when snapshots expire.
  EXPECT_EQ(Mean(costs, 5, reads), 0);
  EXPECT_LT(Mean(costs, 230, reads), 0.2);
  // Metadata grows with the snapshots it keeps and no further; lists stay short.
  EXPECT_LT(Mean(costs, 230, bytes), 1.1 * Mean(costs, 130, bytes));
  EXPECT_LT(Mean(costs, 230, bytes), 200 * 1024);
}

// Two processes on one table: each finds its memory of the table overtaken at every commit.
TEST(CommitCost, NothingRememberedIsTrustedAfterSomebodyElsesCommit) {
  Warehouse world;
  CommitterOptions options = FastOptions();
  options.manifests_merge_min = 4;
  options.retention = {.snapshots_min = 6, .snapshots_slack = 2, .hourly_for_ms = 0};
  Appender one(world, options, "one");
  Appender two(world, options, "two");
  Ids expected;
  for (int64_t i = 0; i < 120; ++i) {
    world.clock.Advance(std::chrono::seconds(30));
    // In uneven turns, so that merges and expiries of each meet manifests of both.
    Appender& next = i % 7 < 3 ? one : two;
    next.Append(i);
    expected.insert(i);
    if (i % 10 != 0) continue;
    ASSERT_EQ(world.Read(kOrders), expected) << "after commit " << i;
  }
  EXPECT_EQ(world.Read(kOrders), expected);
  // Time travel works for all that is kept: nothing was removed that a snapshot needs.
  const auto table = Must(world.catalog->LoadTable(kOrders));
  for (const Snapshot& snapshot : table->metadata->snapshots) {
    for (const std::string& file : world.LiveFiles(*table->metadata, snapshot)) {
      EXPECT_TRUE(Must(world.files->Exists(file)));
    }
  }
}

TEST(CommitCost, SnapshotsAreThinnedByTheHourAndTheDayAsCommitsGoOn) {
  Warehouse world;
  CommitterOptions options = FastOptions();
  options.retention = {.snapshots_min = 5, .snapshots_slack = 3};
  Appender appender(world, options);
  for (int64_t i = 0; i < 6 * 24 * 4; ++i) {  // six days, every quarter of an hour
    world.clock.Advance(std::chrono::minutes(15));
    appender.Append(i);
  }
  const auto table = Must(world.catalog->LoadTable(kOrders));
  const int64_t now_ms = world.clock.Now().micros / 1000;
  std::map<int64_t, int> by_day;
  size_t young = 0;
  for (const Snapshot& snapshot : table->metadata->snapshots) {
    const bool hourly = now_ms - snapshot.timestamp_ms <= kDayMs;
    if (hourly) ++young;
    if (!hourly) ++by_day[snapshot.timestamp_ms / kDayMs];
  }
  EXPECT_GE(young, 24u);
  EXPECT_LE(young, 24u + 1 + 5 + 3 + 1);
  EXPECT_GE(by_day.size(), 5u);
  for (const auto& [day, count] : by_day) EXPECT_LE(count, 5) << day;  // one, but for what waits for the slack
  EXPECT_EQ(world.Read(kOrders).size(), size_t{6 * 24 * 4});
  EXPECT_LE(table->metadata->metadata_log.size(), 100u);
}

}  // namespace
}  // namespace firn::table
