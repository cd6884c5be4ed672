#include "table/scan/snapshot_diff.h"

#include <gtest/gtest.h>

#include <initializer_list>
#include <string>

namespace firn::table {
namespace {

ManifestEntry Data(const std::string& path, int64_t sequence) {
  return {.sequence_number = sequence, .file = {.file_path = path}};
}

DeleteEntry Delete(const std::string& path, int64_t sequence) {
  return std::make_shared<const ManifestEntry>(ManifestEntry{
      .sequence_number = sequence, .file = {.content = FileContent::kEqualityDeletes, .file_path = path}});
}

std::string PathsOf(const ScanPlan& plan) {
  std::string paths;
  for (const auto& entry : plan.files) paths += entry.file.file_path;
  return paths;
}

TEST(SnapshotDiff, SharedFilesAreLeftOut) {
  const auto diff = WithoutShared({.files = {Data("a", 1), Data("b", 1)}}, {.files = {Data("b", 1), Data("c", 2)}});
  EXPECT_EQ(PathsOf(diff.from), "a");
  EXPECT_EQ(PathsOf(diff.to), "c");
  EXPECT_EQ(diff.files_shared, 1);
}

TEST(SnapshotDiff, AFileWithAnotherDeleteIsRead) {
  ScanPlan before{.files = {Data("a", 1), Data("b", 1)}};
  ScanPlan after{.files = {Data("a", 1), Data("b", 1)}, .deletes = {{}, {.positions = {Delete("d", 2)}}}};
  const auto diff = WithoutShared(before, after);
  EXPECT_EQ(PathsOf(diff.from), "b");
  EXPECT_EQ(PathsOf(diff.to), "b");
  ASSERT_EQ(diff.to.deletes.size(), 1u);
  EXPECT_EQ(diff.to.deletes[0].positions.size(), 1u);
}

TEST(SnapshotDiff, TheOrderOfDeletesAndDeadOnesDoNotMatter) {
  const auto x = Delete("x", 2), y = Delete("y", 3), dead = Delete("dead", 1);
  ScanPlan before{.files = {Data("a", 1)}, .deletes = {{.positions = {x, y}}}};
  ScanPlan after{.files = {Data("a", 1)}, .deletes = {{.positions = {y, x}, .superseded = {dead}}}};
  EXPECT_EQ(WithoutShared(before, after).files_shared, 1);
}

// An equality delete applies to older files only.
TEST(SnapshotDiff, EqualityDeletesCountFromTheirSequenceNumberOn) {
  const auto group = [](std::initializer_list<DeleteEntry> entries) {
    return std::make_shared<const EqualityGroup>(EqualityGroup{.field_ids = {1}, .entries = entries});
  };
  const auto old = Delete("old", 2), fresh = Delete("fresh", 9);
  ScanPlan before{.files = {Data("a", 5)}, .deletes = {{.equality = {group({fresh})}}}};
  ScanPlan after{.files = {Data("a", 5)}, .deletes = {{.equality = {group({old, fresh})}}}};
  EXPECT_EQ(WithoutShared(before, after).files_shared, 1);
  after.deletes = {{.equality = {group({old})}}};
  EXPECT_EQ(WithoutShared(before, after).files_shared, 0);
}

}  // namespace
}  // namespace firn::table
