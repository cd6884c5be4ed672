#include "source/files/fetch_ahead.h"

#include <arrow/buffer.h>
#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <mutex>

#include "io/faulty_file_store.h"
#include "io/local_file_store.h"
#include "io/temporary_folder.h"

namespace firn::source::files {
namespace {

namespace fs = std::filesystem;

// Holds reads back until as many as are to meet are under way at once.
class MeetingStore : public io::FaultyFileStore {
 public:
  MeetingStore(io::FileStore& store, int meet) : FaultyFileStore(store, {}), meet_(meet) {}

  Result<std::shared_ptr<arrow::Buffer>> ReadRange(const std::string& location, int64_t offset,
                                                   int64_t length) override {
    {
      std::unique_lock lock(mutex_);
      most_ = std::max(most_, ++under_way_);
      met_.notify_all();
      met_.wait_for(lock, std::chrono::seconds(30), [&] { return most_ >= meet_; });
    }
    auto read = FaultyFileStore::ReadRange(location, offset, length);
    const std::lock_guard lock(mutex_);
    --under_way_;
    return read;
  }
  int most() {
    const std::lock_guard lock(mutex_);
    return most_;
  }

 private:
  const int meet_;
  std::mutex mutex_;
  std::condition_variable met_;
  int under_way_ = 0, most_ = 0;
};

class FetchAheadTest : public ::testing::Test {
 protected:
  std::vector<FoundFile> Write(int count) {
    std::vector<FoundFile> files;
    for (int i = 0; i < count; ++i) {
      const std::string name = std::to_string(100 + i);
      std::ofstream(folder_ / name) << "content of " << name;
      const auto stamp = StampNow(place(*store_), name);
      EXPECT_TRUE(stamp.ok() && *stamp);
      files.push_back({.path = name, .stamp = **stamp, .in = {}});
    }
    return files;
  }
  FilePlace place(io::FileStore& store) const { return {.store = &store, .location = folder_.string()}; }

  const io::TemporaryFolder temporary_;
  const fs::path folder_{temporary_.path()};
  const std::unique_ptr<io::FileStore> store_ = io::MakeLocalFileStore();
  const FakeClock clock_;
};

std::string TextOf(const Result<std::optional<FetchedFile>>& fetched) {
  if (!fetched.ok()) return "error " + fetched.status().message();
  return *fetched ? (*fetched)->bytes->ToString() : "not as listed";
}

TEST_F(FetchAheadTest, FilesAreFetchedSideBySideAndTakenInOrder) {
  const auto files = Write(40);
  MeetingStore meeting(*store_, 4);
  const FilePlace here = place(meeting);
  FetchAhead ahead(here, clock_, files, {.threads = 4, .bytes_max = 1 << 20});
  for (const FoundFile& file : files) EXPECT_EQ(TextOf(ahead.Take(file, {})), "content of " + file.path);
  EXPECT_EQ(meeting.most(), 4);
}

TEST_F(FetchAheadTest, NoMoreIsHeldThanMayBe) {
  const auto files = Write(20);
  MeetingStore alone(*store_, 1);
  const FilePlace here = place(alone);
  FetchAhead ahead(here, clock_, files, {.threads = 4, .bytes_max = 1});  // each is larger: one at a time
  for (const FoundFile& file : files) {
    EXPECT_EQ(TextOf(ahead.Take(file, {})), "content of " + file.path);
  }
  EXPECT_EQ(alone.most(), 1);
}

TEST_F(FetchAheadTest, FilesMayBeLeftOutTakenAgainOrBeOfAnotherTime) {
  auto files = Write(30);
  const FilePlace here = place(*store_);
  std::ofstream(folder_ / files[7].path) << "longer than what was listed";
  fs::remove(folder_ / files[9].path);
  FetchAhead ahead(here, clock_, files, {.threads = 3, .bytes_max = 64});
  EXPECT_EQ(TextOf(ahead.Take(files[5], {})), "content of 105");
  EXPECT_EQ(TextOf(ahead.Take(files[7], {})), "not as listed");
  EXPECT_EQ(TextOf(ahead.Take(files[9], {})), "not as listed");
  EXPECT_EQ(TextOf(ahead.Take(files[29], {})), "content of 129");
  EXPECT_EQ(TextOf(ahead.Take(files[2], {})), "content of 102");
}

TEST_F(FetchAheadTest, AnErrorIsOfItsFileAndAStopEndsTheWait) {
  const auto files = Write(10);
  io::FaultyFileStore faulty(*store_, {.fail_at = 3});
  const FilePlace here = place(faulty);
  FetchAhead ahead(here, clock_, files, {.threads = 1, .bytes_max = 1 << 20});
  for (size_t i = 0; i < files.size(); ++i) EXPECT_EQ(ahead.Take(files[i], {}).ok(), i != 2) << i;
  MeetingStore meeting(*store_, 2);
  const FilePlace there = place(meeting);
  std::stop_source stop;
  stop.request_stop();
  FetchAhead stopped(there, clock_, files, {.threads = 2, .bytes_max = 1 << 20});
  const auto taken = stopped.Take(files[9], stop.get_token());
  EXPECT_TRUE(taken.ok() || FaultOf(taken.status()) == Fault::kCancelled);
}

}  // namespace
}  // namespace firn::source::files
