#include "table/index/key_index.h"

#include <gtest/gtest.h>

#include <numeric>

#include "table/index/block.h"
#include "table/index/byte_codec.h"
#include "table/index/index_state.h"
#include "table/index/key_index_test_support.h"
#include "table/index/merge_policy.h"
#include "table/index/modelled_index_test_support.h"
#include "table/index/staged_entries.h"

namespace firn::table::index {
namespace {

class KeyIndexTest : public testing::Test {
 protected:
  KeyIndexOptions Options(int hash_bits = 128) const {
    return {.folder = folder_.path() + "/index",
            .table_uuid = TestTable(),
            .memory_bytes = kMemoryBytesMin,
            .hash_bits = hash_bits};
  }
  const io::TemporaryFolder folder_;
  const std::unique_ptr<io::FileStore> files_ = MakeFastStore();
};

TEST_F(KeyIndexTest, SaysThatThereIsNoneYet) {
  auto opened = KeyIndex::Open(*files_, Options());
  ASSERT_OK(opened.status());
  EXPECT_EQ(opened->index, nullptr);
  EXPECT_EQ(opened->reason, RebuildReason::kMissing);
}

TEST_F(KeyIndexTest, FindsWhatWasPublishedAfterReopening) {
  ModelledIndex index(*files_, Options(), 1);
  ASSERT_NO_FATAL_FAILURE(index.Create());
  ASSERT_NO_FATAL_FAILURE(index.Upsert({1, 2, 3}));
  ASSERT_NO_FATAL_FAILURE(index.Publish());
  ASSERT_NO_FATAL_FAILURE(index.Upsert({3, 4}));
  ASSERT_NO_FATAL_FAILURE(index.Delete({1, 9}));
  ASSERT_NO_FATAL_FAILURE(index.Publish());
  ASSERT_NO_FATAL_FAILURE(index.Reopen());
  ASSERT_NO_FATAL_FAILURE(index.LookupAll(10));
  EXPECT_EQ(index.index().Compare(At(2)), SnapshotRelation::kSame);
  EXPECT_EQ(index.index().Compare(At(3)), SnapshotRelation::kBehind);
  EXPECT_EQ(index.index().Compare(At(1)), SnapshotRelation::kDiffers);
}

TEST_F(KeyIndexTest, ForgetsWhatWasNotPublished) {
  ModelledIndex index(*files_, Options(), 1);
  ASSERT_NO_FATAL_FAILURE(index.Create());
  ASSERT_NO_FATAL_FAILURE(index.Upsert({1, 2}));
  ASSERT_NO_FATAL_FAILURE(index.Publish());
  ASSERT_NO_FATAL_FAILURE(index.Upsert({2, 3}));
  ASSERT_NO_FATAL_FAILURE(index.Discard());
  ASSERT_NO_FATAL_FAILURE(index.LookupAll(5));
  ASSERT_NO_FATAL_FAILURE(index.Upsert({1, 4}));
  ASSERT_NO_FATAL_FAILURE(index.Accept());
  ASSERT_NO_FATAL_FAILURE(index.Reopen());
  ASSERT_NO_FATAL_FAILURE(index.LookupAll(5));
}

TEST_F(KeyIndexTest, KeepsAllRowsOfAKeyThatAnotherWriterDoubled) {
  ModelledIndex index(*files_, Options(), 1);
  ASSERT_NO_FATAL_FAILURE(index.Create());
  ASSERT_NO_FATAL_FAILURE(index.Add({1, 2}));
  ASSERT_NO_FATAL_FAILURE(index.Add({1, 3}));
  ASSERT_NO_FATAL_FAILURE(index.Publish());
  ASSERT_NO_FATAL_FAILURE(index.Lookup({1}));
  ASSERT_EQ(index.staged.Lookup({1}).size(), 2u);
  ASSERT_NO_FATAL_FAILURE(index.Upsert({1}));  // names both, to be deleted
  ASSERT_NO_FATAL_FAILURE(index.Lookup({1}));
}

// The newest row of the key went with its file; the row it replaced must not come back.
TEST_F(KeyIndexTest, ARemovedFileDoesNotBringOlderRowsBack) {
  for (const bool merge : {false, true}) {
    ModelledIndex index(*files_, Options(), 1);
    ASSERT_NO_FATAL_FAILURE(index.Create());
    for (int i = 0; i < 4; ++i) {
      ASSERT_NO_FATAL_FAILURE(index.Upsert({1, 2 + i}));
      ASSERT_NO_FATAL_FAILURE(index.Publish());
    }
    const std::string newest = "/lake/t/data/3.parquet";
    ASSERT_OK(index.index().RemoveFile(newest));
    index.staged.RemoveFile(index.staged.files[newest]);
    ASSERT_NO_FATAL_FAILURE(index.LookupAll(10));
    ASSERT_NO_FATAL_FAILURE(index.Publish());
    if (merge) ASSERT_OK(index.index().Maintain(1000).status());
    ASSERT_NO_FATAL_FAILURE(index.Reopen());
    ASSERT_NO_FATAL_FAILURE(index.LookupAll(10));
  }
}

TEST_F(KeyIndexTest, RefusesAKeyTwiceInABatch) {
  auto index = *KeyIndex::Create(*files_, Options());
  const FileOrdinal file = *index->AddFile("/a");
  const std::vector<KeyHash> keys = {{1, 2}, {1, 2}};
  const std::vector<RowAddress> rows = {{file, 0}, {file, 1}};
  EXPECT_EQ(FaultOf(index->Upsert(keys, rows, nullptr).status()), Fault::kBug);
  EXPECT_EQ(index->stats().num_staged, 0);
}

TEST_F(KeyIndexTest, RefusesRowsOfUnknownFiles) {
  auto index = *KeyIndex::Create(*files_, Options());
  EXPECT_EQ(FaultOf(index->Add(std::vector<KeyHash>{{1, 2}}, std::vector<RowAddress>{{{7}, 0}})), Fault::kBug);
}

TEST_F(KeyIndexTest, ComparesFiles) {
  auto index = *KeyIndex::Create(*files_, Options());
  for (const char* path : {"/a", "/b", "/c"}) ASSERT_OK(index->AddFile(path).status());
  const FileDifference difference = index->CompareFiles(std::vector<std::string>{"/b", "/d", "/a"});
  EXPECT_EQ(difference.missing, std::vector<std::string>{"/d"});
  EXPECT_EQ(difference.superfluous, std::vector<std::string>{"/c"});
  EXPECT_EQ(FaultOf(index->AddFile("/a").status()), Fault::kBug);
  EXPECT_EQ(FaultOf(index->RemoveFile("/x")), Fault::kBug);
  ASSERT_OK(index->RemoveFile("/a"));
  const FileOrdinal again = *index->AddFile("/a");
  EXPECT_EQ(again.value, 3u);
  ASSERT_OK(index->Discard());
  EXPECT_EQ(index->OrdinalOf("/a"), std::nullopt);
}

TEST_F(KeyIndexTest, BelongsToOneTableOneHashAndOneProcess) {
  {
    auto index = *KeyIndex::Create(*files_, Options());
    ASSERT_OK(index->Publish(At(1)));
    EXPECT_EQ(FaultOf(KeyIndex::Open(*files_, Options()).status()), Fault::kBusy);
  }
  KeyIndexOptions other = Options();
  other.table_uuid.bytes[3] ^= 1;
  EXPECT_EQ(KeyIndex::Open(*files_, other)->reason, RebuildReason::kOtherTable);
  EXPECT_EQ(KeyIndex::Open(*files_, Options(8))->reason, RebuildReason::kOtherHash);
  EXPECT_NE(KeyIndex::Open(*files_, Options())->index, nullptr);
}

TEST_F(KeyIndexTest, RefusesANewerFormatByNumber) {
  {
    auto index = *KeyIndex::Create(*files_, Options());
    ASSERT_OK(index->Publish(At(1)));
  }
  const std::string location = StateLocation(Options().folder);
  ASSERT_OK(files_->WriteAtomic(location, Frame("FIRNKIDX", 2, "of the future")));
  const Status status = KeyIndex::Open(*files_, Options()).status();
  EXPECT_EQ(FaultOf(status), Fault::kConfig);
  EXPECT_NE(status.message().find("newer firn: format 2 > 1"), std::string::npos) << status.message();
}

TEST_F(KeyIndexTest, RefusesTooLittleMemory) {
  KeyIndexOptions options = Options();
  options.memory_bytes = kMemoryBytesMin - 1;
  EXPECT_EQ(FaultOf(KeyIndex::Create(*files_, options).status()), Fault::kConfig);
}

TEST_F(KeyIndexTest, TakesTwoLivesToReplaceABrokenIndex) {
  ModelledIndex index(*files_, Options(), 1);
  ASSERT_NO_FATAL_FAILURE(index.Create());
  ASSERT_NO_FATAL_FAILURE(index.Upsert({1, 2}));
  ASSERT_NO_FATAL_FAILURE(index.Publish());
  const HashSecret secret = index.index().secret();
  index.Close();
  ASSERT_OK(files_->WriteAtomic(Options().folder + "/notes.txt", "somebody's"));
  ASSERT_OK(files_->WriteAtomic(Options().folder + "/run-of/run-1", "somebody's"));
  {
    auto rebuilding = *KeyIndex::Create(*files_, Options());
    EXPECT_NE(rebuilding->secret(), secret);
  }  // died before the first publish
  ASSERT_NO_FATAL_FAILURE(index.Reopen());
  ASSERT_NO_FATAL_FAILURE(index.LookupAll(4));
  index.Close();
  {
    auto rebuilt = *KeyIndex::Create(*files_, Options());
    ASSERT_OK(rebuilt->Publish(At(7)));
  }
  EXPECT_EQ(files_->List(Options().folder)->size(), 4u);  // state, lock, and what is not ours: nothing of the old one
  EXPECT_EQ(KeyIndex::Open(*files_, Options())->index->snapshot(), At(7));
}

// A million rows through one mebibyte: many runs, merges, no filter for the big ones.
TEST_F(KeyIndexTest, StaysWithinItsMemory) {
  auto index = *KeyIndex::Create(*files_, Options());
  Random random(5);
  constexpr int64_t kRows = 1'000'000;
  constexpr int64_t kBatch = 20'000;
  std::vector<KeyHash> keys(kBatch);
  std::vector<RowAddress> rows(kBatch);
  int64_t peak = 0;
  const auto fill = [&](int64_t first, FileOrdinal file) {
    for (int64_t i = 0; i < kBatch; ++i) {
      const int64_t key = first + i;
      keys[static_cast<size_t>(i)] = SipHash128(index->secret(), {reinterpret_cast<const char*>(&key), sizeof key});
      rows[static_cast<size_t>(i)] = {file, i};
    }
  };
  for (int64_t first = 0; first < kRows; first += kBatch) {
    fill(first, *index->AddFile("/f" + std::to_string(first)));
    ASSERT_OK(index->Add(keys, rows));
    peak = std::max(peak, index->memory_bytes());
  }
  ASSERT_OK(index->Publish(At(1)));
  for (int i = 0; i < 10; ++i) {
    const int64_t first = kBatch * static_cast<int64_t>(random.Below(kRows / kBatch));
    fill(first, *index->AddFile("/g" + std::to_string(i)));
    auto before = index->Upsert(keys, rows, nullptr);
    ASSERT_OK(before.status());
    ASSERT_EQ(before->size(), keys.size());
    peak = std::max(peak, index->memory_bytes());
    ASSERT_OK(index->Publish(At(2 + i)));
    peak = std::max(peak, index->memory_bytes());
  }
  while (*index->Maintain(50'000)) peak = std::max(peak, index->memory_bytes());
  EXPECT_LE(peak, kMemoryBytesMin);
  ASSERT_OK(index->Scrub());
  EXPECT_LE(index->stats().num_runs, 20);
}

// A first load without look-ups: the rows to delete come from one pass at its end.
TEST_F(KeyIndexTest, CollapsesAFirstLoad) {
  for (const int64_t staged_entries_max : {int64_t{0}, int64_t{100}}) {
    KeyIndexOptions options = Options();
    options.staged_entries_max = staged_entries_max;
    auto index = *KeyIndex::Create(*files_, options);
    Random random(9);
    std::map<int64_t, RowAddress> newest;
    std::set<RowAddress> expected;
    for (int batch = 0; batch < 50; ++batch) {
      const FileOrdinal file = *index->AddFile("/f" + std::to_string(batch));
      std::vector<KeyHash> keys;
      std::vector<RowAddress> rows;
      for (int64_t i = 0; i < 40; ++i) {
        const auto key = static_cast<int64_t>(random.Below(500));
        keys.push_back(SipHash128(index->secret(), {reinterpret_cast<const char*>(&key), sizeof key}));
        rows.push_back({file, i});
        if (const auto old = newest.find(key); old != newest.end()) expected.insert(old->second);
        newest[key] = rows.back();
      }
      ASSERT_OK(index->Add(keys, rows));
    }
    std::set<RowAddress> superseded;
    ASSERT_OK(index->CollapseStaged([&](std::span<const RowAddress> rows) {
      superseded.insert(rows.begin(), rows.end());
      return Status::OK();
    }));
    EXPECT_EQ(superseded, expected);
    ASSERT_OK(index->Publish(At(1)));
    for (const auto& [key, row] : newest) {
      const KeyHash hash = SipHash128(index->secret(), {reinterpret_cast<const char*>(&key), sizeof key});
      ASSERT_EQ(*index->Lookup({&hash, 1}, nullptr), (std::vector<KeyMatch>{{.key = 0, .row = row}}));
    }
    EXPECT_EQ(FaultOf(index->CollapseStaged(nullptr)), Fault::kBug);
  }
}

// The first publish removes what an index before left behind, but not what a merge is writing.
TEST_F(KeyIndexTest, AMergeGoesOnOverTheFirstPublish) {
  KeyIndexOptions options = Options();
  options.staged_entries_max = 64;
  options.publish_merge_max = 100;
  ModelledIndex index(*files_, options, 1);
  ASSERT_NO_FATAL_FAILURE(index.Create());
  for (int64_t batch = 0; batch < 8; ++batch) {
    std::vector<int64_t> keys(64);
    std::iota(keys.begin(), keys.end(), batch * 50);
    ASSERT_NO_FATAL_FAILURE(index.Add(keys));
  }
  const auto entries_merged = [&] { return index.index().stats().entries_merged; };
  ASSERT_NO_FATAL_FAILURE(index.Publish());
  const int64_t merged = entries_merged();
  ASSERT_GT(merged, 0);
  for (int64_t key = 0; key < 10; ++key) {
    ASSERT_NO_FATAL_FAILURE(index.Upsert({key}));
    ASSERT_NO_FATAL_FAILURE(index.Publish());
  }
  EXPECT_GT(entries_merged(), merged);
  ASSERT_NO_FATAL_FAILURE(index.Reopen());
  ASSERT_NO_FATAL_FAILURE(index.LookupAll(500));
}

TEST_F(KeyIndexTest, FoldsRowsOfRemovedFiles) {
  auto index = *KeyIndex::Create(*files_, Options());
  std::vector<KeyHash> keys(10'000);
  std::vector<RowAddress> rows(keys.size());
  for (int round = 0; round < 6; ++round) {  // each round a foreign writer compacts everything into one file
    const FileOrdinal file = *index->AddFile("/f" + std::to_string(round));
    if (round > 0) ASSERT_OK(index->RemoveFile("/f" + std::to_string(round - 1)));
    for (size_t i = 0; i < keys.size(); ++i) {
      keys[i] = SipHash128(index->secret(), {reinterpret_cast<const char*>(&i), sizeof i});
      rows[i] = {file, static_cast<int64_t>(i)};
    }
    ASSERT_OK(index->Add(keys, rows));
    ASSERT_OK(index->Publish(At(round + 1)));
    auto found = index->Lookup(keys, nullptr);
    ASSERT_EQ(found->size(), keys.size());
    for (const KeyMatch& match : *found) ASSERT_EQ(match.row.file, file);
  }
  while (*index->Maintain(10'000)) {
  }
  EXPECT_LE(index->stats().num_entries, 25'000);
  EXPECT_LE(index->stats().dead_rows, 10'000);
}

TEST(IndexMergePolicy, KeepsTiersApart) {
  const auto choose = [](std::vector<int64_t> sizes) { return ChooseMerge(sizes, {.tier_entries = 10}); };
  EXPECT_FALSE(choose({1000, 100, 30, 5}).has_value());  // four runs, each of its own tier
  EXPECT_FALSE(choose({1000, 5, 5, 5}).has_value());
  auto choice = choose({1000, 5, 5, 5, 5});
  ASSERT_TRUE(choice.has_value());
  EXPECT_EQ(choice->begin, 1u);
  EXPECT_EQ(choice->end, 5u);
  choice = choose({100'000, 30, 30, 30, 5, 30});
  ASSERT_TRUE(choice.has_value());
  EXPECT_EQ(choice->begin, 1u);
  EXPECT_EQ(choice->end, 6u);
}

// However little can be merged at once, merging ends with few runs.
TEST(IndexMergePolicy, EndsWithFewRuns) {
  for (const size_t fan_in_max : {4, 5, 7, 64}) {
    std::vector<int64_t> sizes(100, 10);
    int num_merges = 0;
    while (const auto choice = ChooseMerge(sizes, {.fan_in_max = fan_in_max, .tier_entries = 10})) {
      ASSERT_LT(++num_merges, 200);
      ASSERT_GE(choice->end - choice->begin, 2u);
      const auto begin = sizes.begin() + static_cast<ptrdiff_t>(choice->begin);
      const auto end = sizes.begin() + static_cast<ptrdiff_t>(choice->end);
      *begin = std::accumulate(begin, end, int64_t{0});
      sizes.erase(begin + 1, end);
    }
    EXPECT_LE(sizes.size(), 12u) << fan_in_max;
  }
}

TEST(IndexStagedEntries, SortsAnyBytes) {
  Random random(3);
  for (const size_t size : {0, 1, 48, 49, 1000, 100'000}) {
    for (const uint64_t mask : {~uint64_t{0}, uint64_t{0xFF} << 56, uint64_t{0xFF}, uint64_t{0}}) {
      std::vector<Entry> entries(size);
      for (size_t i = 0; i < size; ++i) {
        entries[i] = {.high = random.Next() & mask, .low = random.Below(50), .order = static_cast<uint32_t>(i)};
      }
      SortEntries(entries);
      for (size_t i = 1; i < size; ++i) {
        ASSERT_FALSE(entries[i].before(entries[i - 1]));
        ASSERT_TRUE(!entries[i].same_hash(entries[i - 1]) || entries[i].order < entries[i - 1].order);
      }
    }
  }
}

TEST(IndexBlock, KeepsEntries) {
  Random random(3);
  Block block;
  std::vector<Entry> entries;
  for (size_t i = 0; i < kEntriesPerBlock; ++i) {
    entries.push_back({.high = random.Next(),
                       .low = random.Next(),
                       .tagged_position = random.Next(),
                       .file = static_cast<uint32_t>(random.Next())});
    SetEntry(&block, i, entries.back());
  }
  Seal(&block, 17, 4);
  for (size_t i = 0; i < kEntriesPerBlock; ++i) {
    EXPECT_EQ(EntryAt(block, i).hash(), entries[i].hash());
    EXPECT_EQ(EntryAt(block, i).tagged_position, entries[i].tagged_position);
    EXPECT_EQ(EntryAt(block, i).file, entries[i].file);
  }
  EXPECT_TRUE(CheckSeal(block, 17, 4).ok());
  EXPECT_FALSE(CheckSeal(block, 17, 5).ok());  // another place
  EXPECT_FALSE(CheckSeal(block, 16, 4).ok());  // another run
}

}  // namespace
}  // namespace firn::table::index
