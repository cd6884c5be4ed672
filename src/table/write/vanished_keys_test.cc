#include "table/write/vanished_keys.h"

#include <gtest/gtest.h>

#include <numeric>

#include "table/maintenance/maintenance_test_support.h"
#include "table/write/key_hasher.h"

namespace firn::table {
namespace {

using commit_testing::Must;
using commit_testing::Warehouse;
using maintenance_testing::KeyedTable;
using maintenance_testing::RowSchema;

TEST(VanishedKeys, AreThoseOfLiveRowsThatNoNewFileHas) {
  Warehouse world;
  KeyedTable table(world);
  ASSERT_TRUE(table.Append({{.id = 1, .region = "a"}, {.id = 2, .region = "a"}, {.id = 3, .region = "a"}}).ok());
  ASSERT_TRUE(table.Append({{.id = 3, .region = "b"}, {.id = 4, .region = "b"}, {.id = 5, .region = "b"}}).ok());
  ASSERT_TRUE(table.Merge({}, {5}).ok());
  const auto metadata = table.Load().metadata;
  const std::vector<DataFile> files = {world.Write(table.identifier, {1, 100}, "new"),
                                       world.Write(table.identifier, {2, 2, 5}, "new")};
  const auto found =
      Must(FindVanishedKeys(*world.files, metadata, files, {.key_schema = Must(KeySchema(RowSchema(), {1}))}, {}));
  EXPECT_EQ(found.num_keys, 4);  // 5 was deleted before
  EXPECT_EQ(found.num_vanished, 2);
  const auto without =
      Must(FindVanishedKeys(*world.files, metadata, {}, {.key_schema = Must(KeySchema(RowSchema(), {1, 2}))}, {}));
  EXPECT_EQ(without.num_keys, 5);  // (3, a) and (3, b)
  EXPECT_EQ(without.num_vanished, 5);
}

TEST(VanishedKeys, AreTheSameWithLittleMemoryAndStop) {
  Warehouse world;
  KeyedTable table(world);
  std::vector<maintenance_testing::Row> rows(50'000);
  for (size_t i = 0; i < rows.size(); ++i) rows[i].id = static_cast<int64_t>(i);
  ASSERT_TRUE(table.Append(rows).ok());
  std::vector<int64_t> ids(40'000);
  std::iota(ids.begin(), ids.end(), 25'000);
  const std::vector<DataFile> files = {world.Write(table.identifier, ids, "new")};
  const auto metadata = table.Load().metadata;
  const VanishedKeysOptions options{.key_schema = Must(KeySchema(RowSchema(), {1})), .memory_bytes = 64 << 10};
  const auto found = Must(FindVanishedKeys(*world.files, metadata, files, options, {}));
  EXPECT_EQ(found.num_keys, 50'000);
  EXPECT_EQ(found.num_vanished, 25'000);
  std::stop_source stop;
  stop.request_stop();
  const auto stopped = FindVanishedKeys(*world.files, metadata, files, options, stop.get_token());
  EXPECT_EQ(FaultOf(stopped.status()), Fault::kCancelled);
}

}  // namespace
}  // namespace firn::table
