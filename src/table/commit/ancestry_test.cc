#include "table/commit/ancestry.h"

#include <gtest/gtest.h>

#include <optional>
#include <utility>
#include <vector>

namespace firn::table {
namespace {

struct Line {
  int64_t id;
  std::optional<int64_t> parent;
};

std::pair<std::vector<int64_t>, bool> Walk(const std::vector<Line>& lines, int64_t head) {
  TableMetadata metadata;
  for (const Line& line : lines) {
    Snapshot snapshot{.snapshot_id = {line.id}};
    if (line.parent) snapshot.parent_snapshot_id = SnapshotId{*line.parent};
    metadata.snapshots.push_back(snapshot);
  }
  const Ancestry ancestry = AncestryOf(metadata, {head});
  std::vector<int64_t> ids;
  for (const Snapshot* snapshot : ancestry.snapshots) ids.push_back(snapshot->snapshot_id.value);
  return {ids, ancestry.ends_at_expired};
}

using Found = std::pair<std::vector<int64_t>, bool>;

TEST(Ancestry, WalksFromTheHeadToTheFirst) {
  EXPECT_EQ(Walk({{1, {}}, {2, 1}, {3, 2}}, 3), Found({3, 2, 1}, false));
  EXPECT_EQ(Walk({{1, {}}, {2, 1}, {9, 1}, {3, 2}}, 3), Found({3, 2, 1}, false));
  EXPECT_EQ(Walk({{1, {}}, {2, 1}, {3, 2}}, 2), Found({2, 1}, false));
}

TEST(Ancestry, EndsAtAnExpiredParent) {
  EXPECT_EQ(Walk({{2, 1}, {3, 2}}, 3), Found({3, 2}, true));
  EXPECT_EQ(Walk({{1, {}}, {3, 2}}, 3), Found({3}, true));
}

TEST(Ancestry, OfAnUnknownHeadIsEmpty) {
  EXPECT_EQ(Walk({{1, {}}}, 7), Found({}, false));
  EXPECT_EQ(Walk({}, 7), Found({}, false));
}

TEST(Ancestry, ParentsMayStandInAnyOrder) {
  EXPECT_EQ(Walk({{3, 2}, {1, {}}, {2, 1}}, 3), Found({3, 2, 1}, false));
  EXPECT_EQ(Walk({{3, 2}, {2, 1}}, 3), Found({3, 2}, true));
}

TEST(Ancestry, ACircleEnds) {
  EXPECT_EQ(Walk({{1, 3}, {2, 1}, {3, 2}}, 3), Found({3, 2, 1}, true));
  EXPECT_EQ(Walk({{1, 1}}, 1), Found({1}, true));
}

}  // namespace
}  // namespace firn::table
