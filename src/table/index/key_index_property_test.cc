// Random histories against a map, with reopening, with tiny memory, with hashes of 8 bits.
#include <gtest/gtest.h>

#include "table/index/key_index_test_support.h"
#include "table/index/modelled_index_test_support.h"

namespace firn::table::index {
namespace {

struct History {
  int hash_bits = 128;
  int64_t staged_entries_max = 0;
  int64_t num_keys = 300;
};

void GoThrough(const History& history, uint64_t seed, int num_steps) {
  SCOPED_TRACE("seed " + std::to_string(seed) + ", bits " + std::to_string(history.hash_bits) + ", staged " +
               std::to_string(history.staged_entries_max));
  const io::TemporaryFolder folder;
  const auto files = MakeFastStore();
  ModelledIndex index(*files,
                      {.folder = folder.path() + "/index",
                       .table_uuid = TestTable(),
                       .memory_bytes = kMemoryBytesMin,
                       .hash_bits = history.hash_bits,
                       .staged_entries_max = history.staged_entries_max},
                      seed);
  ASSERT_NO_FATAL_FAILURE(index.Create());
  for (int step = 0; step < num_steps; ++step) {
    SCOPED_TRACE("step " + std::to_string(step));
    ASSERT_NO_FATAL_FAILURE(index.Step(history.num_keys));
    ASSERT_LE(index.index().memory_bytes(), kMemoryBytesMin);
  }
  ASSERT_NO_FATAL_FAILURE(index.LookupAll(history.num_keys));
  ASSERT_NO_FATAL_FAILURE(index.Publish());
  while (*index.index().Maintain(1000)) {
  }
  ASSERT_OK(index.index().Scrub());
  ASSERT_NO_FATAL_FAILURE(index.LookupAll(history.num_keys));
  ASSERT_NO_FATAL_FAILURE(index.Publish());
  ASSERT_NO_FATAL_FAILURE(index.Reopen());
  ASSERT_NO_FATAL_FAILURE(index.LookupAll(history.num_keys));
  EXPECT_TRUE(history.hash_bits > 32 || index.num_verified > 0);
  std::vector<std::string> live;
  for (const auto& [path, file] : index.staged.files) live.push_back(path);
  const FileDifference difference = index.index().CompareFiles(live);
  EXPECT_TRUE(difference.missing.empty() && difference.superfluous.empty());
}

TEST(KeyIndexProperty, AgreesWithAMap) {
  const uint64_t first = ProcessSeed();
  for (uint64_t seed = first; seed < first + 6; ++seed) {
    for (const History& history : {History{}, History{.staged_entries_max = 16}, History{.staged_entries_max = 1},
                                   History{.staged_entries_max = 200, .num_keys = 5000}}) {
      ASSERT_NO_FATAL_FAILURE(GoThrough(history, seed, 250));
    }
  }
}

TEST(KeyIndexProperty, IsExactWithShortHashes) {
  const uint64_t first = ProcessSeed();
  for (uint64_t seed = first; seed < first + 6; ++seed) {
    for (const History& history : {History{.hash_bits = 8}, History{.hash_bits = 8, .staged_entries_max = 16},
                                   History{.hash_bits = 8, .staged_entries_max = 100, .num_keys = 3000},
                                   History{.hash_bits = 72, .staged_entries_max = 50}}) {
      ASSERT_NO_FATAL_FAILURE(GoThrough(history, seed, 200));
    }
  }
}

}  // namespace
}  // namespace firn::table::index
