#include <gtest/gtest.h>

#include "catalog/sqlite/faulty_vfs_test_support.h"
#include "io/power_cut_disk.h"
#include "table/commit/commit_test_support.h"

/// The power is cut at every write of the catalog's transaction: whatever its row may name by then is on the disk.
namespace firn::table {
namespace {

using namespace commit_testing;
namespace fs = std::filesystem;

// Metadata files, lists and manifests of a table as it is now, relative to the warehouse.
std::vector<std::string> NamedFiles(Warehouse& world, const catalog::LoadedTable& table) {
  std::vector<std::string> files = {table.metadata_location};
  ManifestListCache lists(*world.files, 1000);
  for (const Snapshot& snapshot : table.metadata->snapshots) {
    files.push_back(snapshot.manifest_list);
    for (const ManifestFile& manifest : *Must(lists.Get(snapshot))) files.push_back(manifest.manifest_path);
  }
  for (std::string& file : files) file = Must(io::PathOfLocation(file)).substr(world.root().size());
  return files;
}

// Copies of the warehouse as power cuts during one commit would leave it.
class PowerCuts {
 public:
  explicit PowerCuts(io::PowerCutDisk& disk) : disk_(disk) {}
  ~PowerCuts() { Forget(); }
  void Cut() {
    for (const auto mode : {io::PowerCut::kDropUnsynced, io::PowerCut::kEntriesWithoutData}) {
      left_.push_back(Warehouse::Temporary() + "/firn-cut-" + MakeUuid4().ToString());
      fs::create_directories(left_.back());
      Must(disk_.Materialise(left_.back(), {.mode = mode}));
    }
  }
  void Forget() {
    std::error_code ignored;
    for (const std::string& folder : left_) fs::remove_all(folder, ignored);
    left_.clear();
  }
  const std::vector<std::string>& left() const { return left_; }

 private:
  io::PowerCutDisk& disk_;
  std::vector<std::string> left_;
};

TEST(CommitDurability, WhatTheCatalogIsAboutToNameSurvivesAPowerCut) {
  Warehouse world;
  catalog::sqlite::FaultyVfs vfs;
  auto disk = Must(io::PowerCutDisk::Open(world.root()));
  auto files = io::MakeLocalFileStore({.disk = disk.get()});
  auto catalog = Must(catalog::sqlite::OpenSqliteCatalog(
      {.path = world.root() + "/catalog.db", .warehouse = world.root(), .vfs = vfs.name()}, *files, world.clock));
  CommitterOptions options = FastOptions();
  options.manifests_merge_min = 3;
  auto committer = Committer::Make(*catalog, *files, world.clock, options);
  // The disk has to know the folders that data files are written into past it.
  for (const auto& table : {kOrders, kItems}) Must(files->CreateFolder(catalog->DefaultLocation(table) + "/data"));
  PowerCuts cuts(*disk);
  for (int64_t i = 0; i < 12; ++i) {
    world.clock.Advance(std::chrono::seconds(1));
    const std::string run = "run-" + std::to_string(i);
    std::vector<StagedTable> group;
    std::vector<OpenedStream> opened;
    for (const auto& table : {kOrders, kItems}) opened.push_back(Must(committer->OpenStream(table, "s")));
    for (size_t t = 0; t < 2; ++t) {
      const TableIdentifier& table = t == 0 ? kOrders : kItems;
      group.push_back(Stage(opened[t], table, "s", run, std::to_string(i), {world.Write(table, {i}, run)}));
    }
    if (i > 0) vfs.before_write = [&] { cuts.Cut(); };  // with the first commit the namespace is written before
    const auto done = committer->Commit(group, {});
    vfs.before_write = nullptr;
    ASSERT_TRUE(done.ok()) << done.status().ToString();
    EXPECT_EQ(cuts.left().empty(), i == 0);
    for (const CommittedTable& table : *done) {
      for (const std::string& name : NamedFiles(world, table.table)) {
        const std::string now = Must(world.files->ReadText(world.root() + name));
        for (const std::string& folder : cuts.left()) {
          EXPECT_TRUE(world.files->ReadText(folder + name).ValueOr("lost") == now) << "commit " << i << ", " << name;
        }
      }
    }
    cuts.Forget();
  }
}

}  // namespace
}  // namespace firn::table
