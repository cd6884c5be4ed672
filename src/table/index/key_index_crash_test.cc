// Death, power cuts, failing calls, flipped bits and cut files: the index is the old one, the new one, or refuses.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "io/faulty_file_store.h"
#include "io/power_cut_disk.h"
#include "table/index/key_index_test_support.h"

namespace firn::table::index {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kNumKeys = 400;

KeyIndexOptions OptionsAt(const std::string& folder) {
  return {.folder = folder + "/index",
          .table_uuid = TestTable(),
          .memory_bytes = kMemoryBytesMin,
          .staged_entries_max = 30};
}

KeyHash HashOf(const KeyIndex& index, int64_t key) {
  return SipHash128(index.secret(), {reinterpret_cast<const char*>(&key), sizeof key});
}

// What an index says of all keys: path and position, by key. No state, no rows.
using Content = std::multimap<int64_t, std::pair<std::string, int64_t>>;

Result<Content> ContentOf(KeyIndex& index) {
  std::vector<KeyHash> keys;
  for (int64_t key = 0; key < kNumKeys; ++key) keys.push_back(HashOf(index, key));
  ARROW_ASSIGN_OR_RAISE(const auto matches, index.Lookup(keys, nullptr));
  Content content;
  for (const KeyMatch& match : matches) {
    content.emplace(static_cast<int64_t>(match.key),
                    std::pair(std::string(*index.PathOf(match.row.file)), match.row.position));
  }
  return content;
}

// One load: upserts into a new file, deletes, and from time to time a removed file.
Status Load(KeyIndex& index, int number) {
  Random random(static_cast<uint64_t>(number) + 99);
  const std::string path = "/lake/" + std::to_string(number);
  ARROW_ASSIGN_OR_RAISE(const FileOrdinal file, index.AddFile(path));
  std::set<int64_t> chosen;
  while (chosen.size() < 70) chosen.insert(static_cast<int64_t>(random.Below(kNumKeys)));
  std::vector<KeyHash> keys;
  std::vector<RowAddress> rows;
  for (const int64_t key : chosen) {
    keys.push_back(HashOf(index, key));
    rows.push_back({.file = file, .position = static_cast<int64_t>(rows.size())});
  }
  ARROW_RETURN_NOT_OK(index.Upsert(keys, rows, nullptr).status());
  ARROW_RETURN_NOT_OK(index.Delete(std::span(keys).first(5), nullptr).status());
  const std::string old = "/lake/" + std::to_string(number - 4);
  if (number % 3 == 2 && index.OrdinalOf(old).has_value()) ARROW_RETURN_NOT_OK(index.RemoveFile(old));
  return index.Publish(At(number));
}

// Contents after each number of loads, by an index that nothing happens to.
const std::vector<Content>& Truth() {
  static const std::vector<Content> truth = [] {
    const io::TemporaryFolder folder;
    const auto files = MakeFastStore();
    auto index = *KeyIndex::Create(*files, OptionsAt(folder.path()));
    std::vector<Content> contents = {{}};
    for (int number = 1; number <= 12; ++number) {
      FIRN_CHECK(Load(*index, number).ok());
      contents.push_back(*ContentOf(*index));
    }
    return contents;
  }();
  return truth;
}

// Opens what is at `folder`, says how many loads it holds, and checks that it holds exactly them.
void ExpectWhole(const std::string& folder, int* num_loads) {
  const auto files = MakeFastStore();
  auto opened = KeyIndex::Open(*files, OptionsAt(folder));
  ASSERT_OK(opened.status());
  *num_loads = 0;
  if (opened->index == nullptr) {
    ASSERT_EQ(opened->reason, RebuildReason::kMissing) << opened->why;
    return;
  }
  *num_loads = static_cast<int>(opened->index->snapshot()->sequence_number);
  const auto content = ContentOf(*opened->index);
  ASSERT_OK(content.status());
  ASSERT_EQ(*content, Truth()[static_cast<size_t>(*num_loads)]);
  ASSERT_OK(opened->index->Scrub());
}

// Loads from where the index is up to `last`.
Status LoadUpTo(io::FileStore& files, const std::string& folder, int last) {
  ARROW_ASSIGN_OR_RAISE(auto opened, KeyIndex::Open(files, OptionsAt(folder)));
  std::unique_ptr<KeyIndex> index = std::move(opened.index);
  if (index == nullptr) {
    if (opened.reason != RebuildReason::kMissing) return MakeError(Fault::kBug, opened.why);
    ARROW_ASSIGN_OR_RAISE(index, KeyIndex::Create(files, OptionsAt(folder)));
  }
  const auto done = index->snapshot();
  for (int number = done.has_value() ? static_cast<int>(done->sequence_number) + 1 : 1; number <= last; ++number) {
    ARROW_RETURN_NOT_OK(Load(*index, number));
  }
  return Status::OK();
}

constexpr int kNumLoads = 7;  // of the walks over all calls

TEST(KeyIndexCrash, EveryFailingCallLeavesAWholeState) {
  using When = io::FaultyFileStoreOptions::When;
  const auto disk = MakeFastStore();
  bool clean = false;
  int call = 1;
  for (; !clean; ++call) {
    SCOPED_TRACE("call " + std::to_string(call));
    const io::TemporaryFolder folder;
    io::FaultyFileStore faulty(*disk, {.fail_at = call,
                                       .fail_from_then_on = call / 2 % 2 == 0,
                                       .when = call % 2 == 0 ? When::kBefore : When::kAfter});
    const Status status = LoadUpTo(faulty, folder.path(), kNumLoads);
    clean = faulty.num_calls() < call;
    ASSERT_TRUE(!clean || status.ok()) << status.ToString();
    int num_loads = 0;
    ASSERT_NO_FATAL_FAILURE(ExpectWhole(folder.path(), &num_loads));
    ASSERT_TRUE(!status.ok() || num_loads == kNumLoads);
    ASSERT_OK(LoadUpTo(*disk, folder.path(), kNumLoads));
    ASSERT_NO_FATAL_FAILURE(ExpectWhole(folder.path(), &num_loads));
    ASSERT_EQ(num_loads, kNumLoads);
  }
  EXPECT_GT(call, 100);
}

// The same object goes on after an error: what was accepted is published by the next try.
TEST(KeyIndexCrash, PublishMayBeRepeated) {
  const auto disk = MakeFastStore();
  bool clean = false;
  for (int call = 1; !clean; ++call) {
    SCOPED_TRACE("call " + std::to_string(call));
    const io::TemporaryFolder folder;
    ASSERT_OK(LoadUpTo(*disk, folder.path(), 6));
    io::FaultyFileStore faulty(*disk, {.fail_at = call});
    auto opened = KeyIndex::Open(faulty, OptionsAt(folder.path()));
    if (!opened.ok()) continue;
    ASSERT_NE(opened->index, nullptr) << opened->why;
    Status status = Load(*opened->index, 7);
    for (int attempt = 0; !status.ok() && attempt < 2; ++attempt) {
      ASSERT_FALSE(opened->index->rebuild_reason().has_value()) << status.ToString();
      if (opened->index->snapshot() == At(7)) {
        status = opened->index->Publish(At(7));
      } else {
        ASSERT_OK(opened->index->Discard());
        status = Load(*opened->index, 7);
      }
    }
    ASSERT_OK(status);
    clean = faulty.num_calls() < call;
    opened->index.reset();
    int num_loads = 0;
    ASSERT_NO_FATAL_FAILURE(ExpectWhole(folder.path(), &num_loads));
    ASSERT_EQ(num_loads, 7);
  }
}

TEST(KeyIndexCrash, APowerCutLeavesAWholeState) {
  int num_cuts = 0;
  for (int step = 1;; step += 3) {
    SCOPED_TRACE("step " + std::to_string(step));
    const io::TemporaryFolder folder;
    auto disk = *io::PowerCutDisk::Open(folder.path());
    const auto store = io::MakeLocalFileStore({.disk = disk.get()});
    io::FaultyFileStore faulty(*store, {.fail_at = step, .fail_from_then_on = true});
    const bool clean = LoadUpTo(faulty, folder.path(), kNumLoads).ok();
    for (const io::PowerCut mode :
         {io::PowerCut::kDropUnsynced, io::PowerCut::kEntriesWithoutData, io::PowerCut::kRandom}) {
      const io::TemporaryFolder after;
      ASSERT_OK(disk->Materialise(after.path(), {.mode = mode, .seed = static_cast<uint64_t>(step)}));
      int num_loads = 0;
      ASSERT_NO_FATAL_FAILURE(ExpectWhole(after.path(), &num_loads));
      ASSERT_TRUE(!clean || num_loads == kNumLoads);
      ++num_cuts;
    }
    if (clean) break;
  }
  EXPECT_GT(num_cuts, 30);
}

// Started by KilledAtEachFailpoint in a process of its own.
TEST(KeyIndexCrash, DISABLED_Child) {
  const char* folder = std::getenv("FIRN_TEST_INDEX_FOLDER");
  ASSERT_NE(folder, nullptr);
  const auto files = MakeFastStore();
  ASSERT_OK(LoadUpTo(*files, folder, 12));
}

int RunChild(const std::string& folder, const std::string& failpoints) {
  const pid_t child = fork();
  if (child == 0) {
    setenv("FIRN_TEST_INDEX_FOLDER", folder.c_str(), 1);
    setenv("FIRN_FAILPOINTS", failpoints.c_str(), 1);
    execl("/proc/self/exe", "table_test", "--gtest_filter=KeyIndexCrash.DISABLED_Child",
          "--gtest_also_run_disabled_tests", "--gtest_brief=1", static_cast<char*>(nullptr));
    _exit(127);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return status;
}

TEST(KeyIndexCrash, KilledAtEachFailpoint) {
#ifndef FIRN_FAILPOINTS_ENABLED
  GTEST_SKIP() << "this build has no failpoints";
#endif
  int num_kills = 0;
  for (const char* name : {"key_index.run_before_close", "key_index.run_after_close", "key_index.merge_finished",
                           "key_index.before_folder_sync", "key_index.before_state", "io.write_atomic_before_rename",
                           "io.write_atomic_before_folder_sync", "key_index.after_state", "key_index.after_removal"}) {
    for (const int hit : {1, 2, 5}) {
      SCOPED_TRACE(std::string(name) + " hit " + std::to_string(hit));
      const io::TemporaryFolder folder;
      const int status = RunChild(folder.path(), std::string(name) + "=kill@" + std::to_string(hit));
      const bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
      ASSERT_TRUE(killed || (WIFEXITED(status) && WEXITSTATUS(status) == 0)) << status;
      num_kills += killed ? 1 : 0;
      ASSERT_TRUE(killed || hit > 1);
      int num_loads = 0;
      ASSERT_NO_FATAL_FAILURE(ExpectWhole(folder.path(), &num_loads));
      const auto files = MakeFastStore();
      ASSERT_OK(LoadUpTo(*files, folder.path(), 12));
      ASSERT_NO_FATAL_FAILURE(ExpectWhole(folder.path(), &num_loads));
      ASSERT_EQ(num_loads, 12);
    }
  }
  EXPECT_GT(num_kills, 18);
}

std::string ReadAll(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void WriteAll(const fs::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

// Opens a changed index. Right or refused; and a scrub always notices.
void ExpectRightOrRefused(const std::string& folder) {
  const auto files = MakeFastStore();
  auto opened = KeyIndex::Open(*files, OptionsAt(folder));
  if (!opened.ok()) {
    ASSERT_EQ(FaultOf(opened.status()), Fault::kConfig) << opened.status().ToString();
    return;
  }
  if (opened->index == nullptr) return;
  KeyIndex& index = *opened->index;
  const auto content = ContentOf(index);
  if (content.ok()) {
    ASSERT_EQ(*content, Truth()[12]);
    ASSERT_FALSE(index.rebuild_reason().has_value());
  } else {
    ASSERT_EQ(FaultOf(content.status()), Fault::kConflict);
    ASSERT_EQ(index.rebuild_reason(), RebuildReason::kDamaged);
    ASSERT_FALSE(index.Publish(At(13)).ok());  // what is damaged is not published again
  }
  ASSERT_FALSE(index.Scrub().ok());
  ASSERT_EQ(index.rebuild_reason(), RebuildReason::kDamaged);
}

class KeyIndexDamage : public testing::Test {
 protected:
  void SetUp() override {
    const auto files = MakeFastStore();
    ASSERT_OK(LoadUpTo(*files, folder_.path(), 12));
    for (const auto& entry : fs::directory_iterator(folder_.path() + "/index")) {
      if (entry.path().filename() != "lock") paths_.push_back(entry.path());
    }
    ASSERT_GE(paths_.size(), 2u);
  }
  const io::TemporaryFolder folder_;
  std::vector<fs::path> paths_;
};

TEST_F(KeyIndexDamage, FlippedBitsAreNoticed) {
  Random random(11);
  for (const fs::path& path : paths_) {
    const std::string whole = ReadAll(path);
    for (size_t offset = 0; offset < whole.size(); offset += whole.size() < 2000 ? 1 : 1 + random.Below(60)) {
      SCOPED_TRACE(path.filename().string() + " at " + std::to_string(offset));
      std::string bytes = whole;
      bytes[offset] = static_cast<char>(bytes[offset] ^ (1 << random.Below(8)));
      WriteAll(path, bytes);
      ASSERT_NO_FATAL_FAILURE(ExpectRightOrRefused(folder_.path()));
    }
    WriteAll(path, whole);
  }
  int num_loads = 0;
  ASSERT_NO_FATAL_FAILURE(ExpectWhole(folder_.path(), &num_loads));
}

TEST_F(KeyIndexDamage, CutGrownAndMissingFilesAreNoticed) {
  Random random(12);
  for (const fs::path& path : paths_) {
    const std::string whole = ReadAll(path);
    for (size_t size = 0; size < whole.size(); size += 1 + random.Below(whole.size() / 20)) {
      WriteAll(path, whole.substr(0, size));
      ASSERT_NO_FATAL_FAILURE(ExpectRightOrRefused(folder_.path())) << path << " cut to " << size;
    }
    WriteAll(path, whole + std::string(4096, '\0'));
    ASSERT_NO_FATAL_FAILURE(ExpectRightOrRefused(folder_.path())) << path << " grown";
    fs::remove(path);
    ASSERT_NO_FATAL_FAILURE(ExpectRightOrRefused(folder_.path())) << path << " missing";
    WriteAll(path, whole);
  }
}

// Blocks in the place of others, and a run in the place of another: all have right checksums of their own.
TEST_F(KeyIndexDamage, ExchangedBlocksAndFilesAreNoticed) {
  std::vector<fs::path> runs;
  for (const fs::path& path : paths_) {
    if (path.filename().string().starts_with("run-")) runs.push_back(path);
  }
  for (const fs::path& path : runs) {
    const std::string whole = ReadAll(path);
    std::string bytes = whole;
    std::swap_ranges(bytes.begin() + 4096, bytes.begin() + 8192, bytes.begin() + 8192);
    WriteAll(path, bytes);
    ASSERT_NO_FATAL_FAILURE(ExpectRightOrRefused(folder_.path())) << path;
    if (path != runs.front()) {
      WriteAll(path, ReadAll(runs.front()));
      ASSERT_NO_FATAL_FAILURE(ExpectRightOrRefused(folder_.path())) << path;
    }
    WriteAll(path, whole);
  }
}

}  // namespace
}  // namespace firn::table::index
