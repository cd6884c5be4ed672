#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <functional>
#include <random>
#include <set>

#include "table/commit/commit_test_support.h"
#include "table/index/block.h"
#include "table/index/key_index_test_support.h"
#include "table/scan/row_lineage_test_support.h"
#include "table/write/key_hasher.h"
#include "table/write/merge_test_support.h"
#include "table/write/row_delta.h"

/// Merges by a key index, against a model and against what the index says, while others change the table too.
namespace firn::table {
namespace {

using commit_testing::kOrders;
using commit_testing::Warehouse;
using testing::BatchOfRows;
using testing::Key;
using testing::MaskOf;
using testing::Model;
using testing::Must;
using testing::Row;
using testing::RowSchema;

/// What one load does: last one wins, nullopt deletes.
using Load = std::vector<std::pair<Key, std::optional<int64_t>>>;

struct IndexKind {
  int hash_bits = 128;
  int64_t staged_entries_max = 0;
  int32_t format_version = 2;
};

using Lineage = std::map<Key, testing::RowLineage>;

/// A table in a catalog, changed by loads of ours (with an index) and of others.
class IndexedTable {
 public:
  explicit IndexedTable(IndexKind kind, PartitionSpec spec = {})
      : kind_(kind), spec_(std::move(spec)), index_files_(index::MakeFastStore()), committer_(world_.MakeCommitter()) {
    Commit("s", {.mode = WriteMode::kAppend}, nullptr);
  }

  catalog::LoadedTable Loaded() { return *Must(world_.catalog->LoadTable(kOrders)); }
  std::shared_ptr<const TableMetadata> Metadata() { return Loaded().metadata; }
  ScanPlan Plan(const TableMetadata& metadata) {
    return Must(PlanFiles(*world_.files, metadata, *metadata.CurrentSnapshot(),
                          {.keep_metrics = true, .deletes = ScanOptions::Deletes::kPlan}));
  }
  std::vector<Row> Rows() {
    std::vector<Row> rows;
    const auto metadata = Metadata();
    for (auto& file : testing::RowsOfPlan(*world_.files, metadata, Plan(*metadata))) {
      rows.insert(rows.end(), file.begin(), file.end());
    }
    return rows;
  }

  Lineage RowLineage() {
    Lineage lineage;
    const auto metadata = Metadata();
    testing::EachLineage(*world_.files, metadata, Plan(*metadata), [&](const auto& batch, int64_t row, auto of) {
      const auto& ids = static_cast<const arrow::Int64Array&>(*batch.column(0));
      lineage[{ids.Value(row), static_cast<const arrow::StringArray&>(*batch.column(1)).GetString(row)}] = of;
    });
    return lineage;
  }
  bool has_row_ids() const { return kind_.format_version >= 3; }

  std::string IndexFolder() const { return world_.root() + "/index"; }
  index::KeyIndexOptions IndexOptions() const {
    return {.folder = IndexFolder(),
            .table_uuid = IndexIdentity("t", Must(KeySchema(RowSchema(), {1, 2}))),
            .memory_bytes = index::kMemoryBytesMin,
            .hash_bits = kind_.hash_bits,
            .staged_entries_max = kind_.staged_entries_max};
  }
  /// As a new process would: opens what is there, or begins anew.
  index::KeyIndex* Index() {
    if (index_ != nullptr && index_->rebuild_reason()) {
      CloseIndex();
      EXPECT_TRUE(index_files_->Remove(IndexFolder() + "/index.state").ok());
    }
    if (index_ == nullptr) index_ = std::move(Must(index::KeyIndex::Open(*index_files_, IndexOptions())).index);
    if (index_ == nullptr) index_ = Must(index::KeyIndex::Create(*index_files_, IndexOptions()));
    return index_.get();
  }
  void CloseIndex() { index_.reset(); }

  std::unique_ptr<MergeWriter> MakeMerge(index::KeyIndex* index, RowLevelMode mode = RowLevelMode::kMergeOnRead) {
    MergeOptions options{.writer = {.schema = std::make_shared<schema::Schema>(RowSchema()),
                                    .spec = spec_,
                                    .location = world_.catalog->DefaultLocation(kOrders),
                                    .row_group_bytes = 400,
                                    .zstd_level = 1},
                         .mode = mode,
                         .format_version = kind_.format_version,
                         .key_field_ids = {1, 2},
                         .index = index};
    return Must(MergeWriter::Make(*world_.files, options));
  }
  static void Append(const Load& load, MergeWriter* merge) {
    std::vector<Row> rows;
    std::vector<bool> deletes;
    for (const auto& [key, value] : load) {
      rows.push_back({key.first, key.second, value.value_or(0)});
      deletes.push_back(!value);
    }
    if (rows.empty()) return;
    ASSERT_TRUE(merge->Append(BatchOfRows(rows), MaskOf(deletes).get()).ok());
  }
  MergeResult Finish(MergeWriter* merge, const catalog::LoadedTable& parent) {
    const ScanPlan plan = Plan(*parent.metadata);
    return Must(merge->Finish({.metadata = parent.metadata, .live = &plan}));
  }

  /// Plans on the present table, lets `meanwhile` happen, commits (planning again if needed). `confirm`: the index gets
  /// to know; else it is as if the process had died.
  MergeResult Merge(MergeWriter* merge, const std::string& stream = "s", const std::function<void()>& meanwhile = {},
                    bool confirm = true) {
    const auto opened = Must(committer_->OpenStream(kOrders, stream));
    MergeResult result = Finish(merge, *opened.table);
    StagedTable staged{.mode = WriteMode::kRowDelta, .added = AddedOf(result), .removed = RemovedOf(result)};
    staged.replan = [&](const catalog::LoadedTable& parent, std::stop_token) -> Result<RowDelta> {
      result = Finish(merge, parent);
      return RowDelta{.added = AddedOf(result), .removed = RemovedOf(result)};
    };
    if (meanwhile) meanwhile();
    const CommittedTable committed = Commit(stream, std::move(staged), &opened);
    const Status published =
        confirm ? merge->Committed(*committed.table.metadata->FindSnapshot(committed.snapshot_id)) : Status::OK();
    EXPECT_TRUE(published.ok() || !expect_published) << published.ToString();
    return result;
  }
  MergeResult MergeLoad(const Load& load, index::KeyIndex* index) {
    auto merge = MakeMerge(index);
    Append(load, merge.get());
    return Merge(merge.get(), index == nullptr ? "other" : "s");
  }

  /// Another writer changes files without looking at keys.
  void Change(std::vector<DataFile> added, std::vector<std::string> removed) {
    StagedTable staged{.mode = WriteMode::kRowDelta, .added = std::move(added), .removed = std::move(removed)};
    staged.replan = [](const catalog::LoadedTable&, std::stop_token) -> Result<RowDelta> {
      return MakeError(Fault::kBug, "nobody else is here");
    };
    const auto opened = Must(committer_->OpenStream(kOrders, "other"));
    Commit("other", std::move(staged), &opened);
  }
  std::vector<DataFile> Write(const std::vector<Row>& rows) {
    auto writer = Must(TableWriter::Make(*world_.files, {.schema = std::make_shared<schema::Schema>(RowSchema()),
                                                         .spec = spec_,
                                                         .location = world_.catalog->DefaultLocation(kOrders),
                                                         .row_group_bytes = 400}));
    EXPECT_TRUE(writer->Append(BatchOfRows(rows)).ok());
    return DataFilesOf(Must(writer->Finish()));
  }
  /// Writes the live rows of some files into new ones, as a compaction does.
  void Compact(std::mt19937_64& random) {
    const auto metadata = Metadata();
    const ScanPlan plan = Plan(*metadata);
    const auto rows = testing::RowsOfPlan(*world_.files, metadata, plan);
    std::vector<Row> kept;
    std::vector<std::string> removed;
    for (size_t i = 0; i < plan.files.size(); ++i) {
      if (random() % 2 == 0) continue;
      kept.insert(kept.end(), rows[i].begin(), rows[i].end());
      removed.push_back(plan.files[i].file.file_path);
      const FileDeletes& deletes = plan.DeletesOf(i);
      if (deletes.vector != nullptr) removed.push_back(FileKeyOf(deletes.vector->file));
      for (const auto& entry : deletes.positions) removed.push_back(FileKeyOf(entry->file));
    }
    std::ranges::shuffle(kept, random);
    Change(kept.empty() ? std::vector<DataFile>() : Write(kept), std::move(removed));
  }
  /// The published index, opened anew, must know exactly the live rows.
  void ExpectIndexIsTrue() {
    CloseIndex();
    const auto opened = Must(index::KeyIndex::Open(*index_files_, IndexOptions()));
    ASSERT_NE(opened.index, nullptr) << opened.why;
    const auto metadata = Metadata();
    ASSERT_EQ(opened.index->snapshot()->snapshot_id, metadata->CurrentSnapshot()->snapshot_id);
    const ScanPlan plan = Plan(*metadata);
    ASSERT_EQ(opened.index->stats().num_files, static_cast<int64_t>(plan.files.size()));
    if (kind_.hash_bits != 128) return;
    std::multiset<std::string> expected, actual;
    std::vector<Row> keys;
    for (int64_t id = 0; id < 100; ++id) {
      for (const char* region : {"a", "b"}) keys.push_back({id, region, 0});
    }
    const auto rows = testing::RowsOfPlan(*world_.files, metadata, plan);
    for (size_t i = 0; i < rows.size(); ++i) {
      for (const Row& row : rows[i]) {
        expected.insert(plan.files[i].file.file_path + " " + std::to_string(row.id) + row.region);
      }
    }
    const auto columns = Must(BatchOfRows(keys)->RemoveColumn(2));
    const auto hashes = HashKeys(*columns, &opened.index->secret()).hashes;
    for (const index::KeyMatch& match : Must(opened.index->Lookup(hashes, {}))) {
      actual.insert(std::string(*opened.index->PathOf(match.row.file)) + " " + std::to_string(keys[match.key].id) +
                    keys[match.key].region);
    }
    EXPECT_EQ(actual, expected);
  }

  bool expect_published = true;

 private:
  static std::vector<DataFile> AddedOf(const MergeResult& result) {
    std::vector<DataFile> added = result.added;
    added.insert(added.end(), result.added_deletes.begin(), result.added_deletes.end());
    return added;
  }
  static std::vector<std::string> RemovedOf(const MergeResult& result) {
    std::vector<std::string> removed;
    for (const auto* entries : {&result.removed, &result.removed_deletes}) {
      for (const ManifestEntry& entry : *entries) removed.push_back(FileKeyOf(entry.file));
    }
    return removed;
  }
  CommittedTable Commit(const std::string& stream, StagedTable staged, const OpenedStream* opened) {
    const OpenedStream now = opened != nullptr ? *opened : Must(committer_->OpenStream(kOrders, stream));
    staged.identifier = kOrders;
    staged.stream_id = stream;
    staged.epoch = now.epoch;
    staged.from = now.version;
    staged.state = std::to_string(++num_commits_);
    staged.run = "run-" + staged.state;
    if (now.table) {
      staged.base = now.table->metadata;
    } else {
      staged.create = CreateTable{.schema = RowSchema(), .spec = spec_, .format_version = kind_.format_version};
    }
    return Must(committer_->Commit({&staged, 1}, {})).front();
  }

  const IndexKind kind_;
  const PartitionSpec spec_;
  Warehouse world_;
  std::unique_ptr<io::FileStore> index_files_;
  std::unique_ptr<Committer> committer_;
  std::unique_ptr<index::KeyIndex> index_;
  int num_commits_ = 0;
};

Load RandomLoad(std::mt19937_64& random, size_t rows_max) {
  Load load;
  const auto num_rows = random() % rows_max;
  for (size_t i = 0; i < num_rows; ++i) {
    const Key key(static_cast<int64_t>(random() % 80), random() % 2 ? "a" : "b");
    load.emplace_back(key,
                      random() % 5 == 0 ? std::nullopt : std::optional(static_cast<int64_t>(random() % 1'000'000)));
  }
  return load;
}

void Apply(const Load& load, Model* model) {
  for (const auto& [key, value] : load) {
    model->erase(key);
    if (value) model->emplace(key, *value);
  }
}

/// Inserted, updated and deleted keys of a load on a model.
std::array<int64_t, 3> CountKeys(const Load& load, const Model& model) {
  std::map<Key, bool> last;
  for (const auto& [key, value] : load) last[key] = value.has_value();
  std::array<int64_t, 3> counts{};
  for (const auto& [key, kept] : last) {
    const bool existed = model.contains(key);
    if (kept) ++counts[existed ? 1 : 0];
    if (!kept && existed) ++counts[2];
  }
  return counts;
}

/// What others do between our loads.
void ChangeByOthers(std::mt19937_64& random, IndexedTable* table, Model* model) {
  switch (random() % 4) {
    case 0: {
      const Load load = RandomLoad(random, 30);
      table->MergeLoad(load, nullptr);
      return Apply(load, model);
    }
    case 1: {
      std::vector<Row> rows;
      for (int64_t id = 80; id < 100; ++id) {
        const Key key(id, "a");
        if (random() % 4 == 0 && !model->contains(key)) rows.push_back({id, "a", id});
      }
      for (const Row& row : rows) model->emplace(Key(row.id, row.region), row.value);
      if (!rows.empty()) table->Change(table->Write(rows), {});
      return;
    }
    case 2:
      return table->Compact(random);
    default: {
      const Load load = RandomLoad(random, 30);
      auto merge = table->MakeMerge(nullptr, RowLevelMode::kCopyOnWrite);
      IndexedTable::Append(load, merge.get());
      table->Merge(merge.get(), "other");
      return Apply(load, model);
    }
  }
}

void DamageTheIndex(std::mt19937_64& random, IndexedTable* table) {
  table->CloseIndex();
  std::vector<std::filesystem::path> paths;
  if (!std::filesystem::exists(table->IndexFolder())) return;
  for (const auto& entry : std::filesystem::directory_iterator(table->IndexFolder())) paths.push_back(entry.path());
  std::ranges::sort(paths);
  const auto& path = paths[random() % paths.size()];
  if (random() % 2 == 0) return std::filesystem::resize_file(path, std::filesystem::file_size(path) / 2);
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(static_cast<std::streamoff>(random() % (std::filesystem::file_size(path) + 1)));
  file.put(static_cast<char>(random()));
}

/// A row that was updated keeps its id, one that was not also its number; a new row has an id no row ever had.
void ExpectLineageKept(const Load& load, const Lineage& before, const Lineage& after, const TableMetadata& metadata) {
  std::set<Key> changed;
  int64_t ids_before = -1;
  for (const auto& [key, value] : load) changed.insert(key);
  for (const auto& [key, lineage] : before) ids_before = std::max(ids_before, lineage.first);
  for (const auto& [key, lineage] : after) {
    const auto old = before.find(key);
    if (old == before.end()) {
      EXPECT_GT(lineage.first, ids_before) << key.first << key.second;
    } else {
      EXPECT_EQ(lineage.first, old->second.first) << key.first << key.second;
      const int64_t number = changed.contains(key) ? metadata.last_sequence_number : old->second.second;
      EXPECT_EQ(lineage.second, number) << key.first << key.second;
    }
  }
}

/// One load of ours, with what may happen around it.
void MergeWithIndex(std::mt19937_64& random, IndexedTable* table, Model* model, int* by_index) {
  const Load load = RandomLoad(random, 120);
  auto merge = table->MakeMerge(table->Index());
  IndexedTable::Append(load, merge.get());
  std::function<void()> meanwhile;
  if (random() % 4 == 0) meanwhile = [&] { ChangeByOthers(random, table, model); };
  const bool confirm = random() % 4 != 0;
  std::array<int64_t, 3> counts{};
  Lineage before;
  const auto count = [&] {
    counts = CountKeys(load, *model);
    if (table->has_row_ids()) before = table->RowLineage();
  };
  count();
  const MergeResult result = table->Merge(
      merge.get(), "s",
      [&] {
        if (meanwhile) meanwhile();
        count();
      },
      confirm);
  EXPECT_EQ((std::array{result.rows_inserted, result.rows_updated, result.rows_deleted}), counts);
  *by_index += result.by_index ? 1 : 0;
  Apply(load, model);
  merge.reset();
  if (table->has_row_ids()) ExpectLineageKept(load, before, table->RowLineage(), *table->Metadata());
  if (confirm && result.by_index) table->ExpectIndexIsTrue();
}

class MergeByAnyIndex : public ::testing::TestWithParam<IndexKind> {};

TEST_P(MergeByAnyIndex, EqualsAMapWhateverOthersDo) {
  const uint64_t seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  int by_index = 0, loads = 0;
  for (int round = 0; round < 6; ++round) {
    PartitionSpec spec;
    if (round % 2 == 1) spec = {.spec_id = 0, .fields = {{1, 1000, "id_bucket", {Transform::Kind::kBucket, 3}}}};
    IndexedTable table(GetParam(), spec);
    Model model;
    for (int step = 0; step < 12; ++step) {
      SCOPED_TRACE("round " + std::to_string(round) + " step " + std::to_string(step));
      switch (random() % 8) {
        case 0:
          table.CloseIndex();
          std::filesystem::remove_all(table.IndexFolder());
          break;
        case 1:
          DamageTheIndex(random, &table);
          break;
        case 2:
        case 3:
          ChangeByOthers(random, &table, &model);
          break;
        default:
          MergeWithIndex(random, &table, &model, &by_index);
          ++loads;
      }
      testing::ExpectSame(table.Rows(), model);
      if (HasFailure()) return;
    }
  }
  EXPECT_GT(by_index * 4, loads * 3);  // a damage found late costs one scan; more would mean that it is never used
}
INSTANTIATE_TEST_SUITE_P(MergeByIndex, MergeByAnyIndex,
                         ::testing::Values(IndexKind{}, IndexKind{.staged_entries_max = 40}, IndexKind{.hash_bits = 8},
                                           IndexKind{.hash_bits = 8, .staged_entries_max = 40},
                                           IndexKind{.format_version = 3},
                                           IndexKind{.hash_bits = 8, .staged_entries_max = 40, .format_version = 3}));

constexpr IndexKind kExact{};

TEST(MergeByIndex, ReplacesAllRowsOfAKeyThatOthersDoubled) {
  IndexedTable table(kExact);
  table.MergeLoad({{{1, "a"}, 1}, {{2, "a"}, 1}}, table.Index());
  table.Change(table.Write({{1, "a", 2}, {1, "a", 3}, {3, "a", 2}}), {});
  const MergeResult result = table.MergeLoad({{{1, "a"}, 4}}, table.Index());
  EXPECT_TRUE(result.by_index);
  EXPECT_EQ(result.rows_updated, 1);
  testing::ExpectSame(table.Rows(), {{{1, "a"}, 4}, {{2, "a"}, 1}, {{3, "a"}, 2}});
  table.ExpectIndexIsTrue();
}

/// Another writer takes a delete file out, and rows are back that nothing in the snapshot points at.
TEST(MergeByIndex, SeesRowsThatComeBack) {
  IndexedTable table(kExact);
  table.MergeLoad({{{1, "a"}, 1}, {{2, "a"}, 1}, {{3, "a"}, 1}}, table.Index());
  table.MergeLoad({{{1, "a"}, std::nullopt}}, table.Index());
  const ScanPlan plan = table.Plan(*table.Metadata());
  ASSERT_EQ(plan.DeletesOf(0).positions.size(), 1u);
  table.Change({}, {FileKeyOf(plan.DeletesOf(0).positions[0]->file)});
  const MergeResult result = table.MergeLoad({{{1, "a"}, 2}}, table.Index());
  EXPECT_TRUE(result.by_index);
  EXPECT_EQ(result.rows_updated, 1);
  testing::ExpectSame(table.Rows(), {{{1, "a"}, 2}, {{2, "a"}, 1}, {{3, "a"}, 1}});
  table.ExpectIndexIsTrue();
}

// pyiceberg#2138: what an upsert costs must not grow with the table.
TEST(MergeByIndex, ReadsWhatChangedAndNoMore) {
  IndexedTable table(kExact);
  for (int64_t id = 0; id < 5; ++id) table.MergeLoad({{{id, "a"}, 1}, {{id, "b"}, 1}}, table.Index());
  EXPECT_EQ(table.MergeLoad({{{0, "a"}, 2}}, table.Index()).files_scanned, 0);
  table.Change(table.Write({{50, "a", 1}}), {});         // a new file
  table.MergeLoad({{{3, "b"}, std::nullopt}}, nullptr);  // a delete in an old one
  EXPECT_EQ(table.MergeLoad({{{50, "a"}, 2}, {{3, "b"}, 2}}, table.Index()).files_scanned, 2);
  table.ExpectIndexIsTrue();
  testing::ExpectSame(table.Rows(), {{{0, "a"}, 2},
                                     {{0, "b"}, 1},
                                     {{1, "a"}, 1},
                                     {{1, "b"}, 1},
                                     {{2, "a"}, 1},
                                     {{2, "b"}, 1},
                                     {{3, "a"}, 1},
                                     {{3, "b"}, 2},
                                     {{4, "a"}, 1},
                                     {{4, "b"}, 1},
                                     {{50, "a"}, 2}});
}

/// What other engines write: keys to delete, of all older files.
TEST(MergeByIndex, SeesEqualityDeletes) {
  IndexedTable table(kExact);
  table.MergeLoad({{{1, "a"}, 1}, {{2, "a"}, 1}}, table.Index());
  table.MergeLoad({{{3, "a"}, 1}}, table.Index());
  DataFile deletes = table.Write({{1, "a", 0}, {3, "a", 0}}).front();
  deletes.content = FileContent::kEqualityDeletes;
  deletes.equality_ids = {1, 2};
  table.Change({deletes}, {});
  testing::ExpectSame(table.Rows(), {{{2, "a"}, 1}});
  const MergeResult result = table.MergeLoad({{{1, "a"}, 2}, {{2, "a"}, 2}, {{3, "a"}, std::nullopt}}, table.Index());
  EXPECT_TRUE(result.by_index);
  EXPECT_EQ((std::array{result.rows_inserted, result.rows_updated, result.rows_deleted}),
            (std::array<int64_t, 3>{1, 1, 0}));
  EXPECT_EQ(result.files_scanned, 2);
  testing::ExpectSame(table.Rows(), {{{1, "a"}, 2}, {{2, "a"}, 2}});
  table.ExpectIndexIsTrue();
}

TEST(MergeByIndex, SurvivesARollback) {
  IndexedTable table(kExact);
  table.MergeLoad({{{1, "a"}, 1}, {{2, "a"}, 1}}, table.Index());
  const auto before = table.Loaded();
  table.MergeLoad({{{1, "a"}, 2}, {{3, "a"}, 2}}, table.Index());
  // The older state as a target: its snapshot has the index's as a child.
  auto merge = table.MakeMerge(table.Index());
  IndexedTable::Append({{{1, "a"}, 5}, {{3, "a"}, 5}}, merge.get());
  const MergeResult result = table.Finish(merge.get(), before);
  EXPECT_TRUE(result.by_index);
  EXPECT_EQ(result.rows_updated, 1);
  EXPECT_EQ(result.rows_inserted, 1);
  EXPECT_EQ(result.files_scanned, 1);
}

TEST(MergeByIndex, IsNotToldOfACommitOnAnotherParent) {
  IndexedTable table(kExact);
  table.MergeLoad({{{1, "a"}, 1}}, table.Index());
  const auto parent = table.Loaded();
  auto merge = table.MakeMerge(table.Index());
  IndexedTable::Append({{{1, "a"}, 2}}, merge.get());
  table.Finish(merge.get(), parent);
  Snapshot other = *parent.metadata->CurrentSnapshot();
  other.snapshot_id = SnapshotId{4712};
  other.parent_snapshot_id = SnapshotId{4711};
  ASSERT_TRUE(merge->Committed(other).ok());
  EXPECT_EQ(table.Index()->snapshot()->snapshot_id, parent.metadata->CurrentSnapshot()->snapshot_id);
  EXPECT_EQ(table.Index()->stats().num_staged, 0);
}

/// Entries are checked as they are read: damage may show in the middle of a merge.
TEST(MergeByIndex, ScansIfTheIndexBreaksUnderIt) {
  IndexedTable table({.staged_entries_max = 1});
  Load load;
  Model model;
  for (int64_t id = 0; id < 80; ++id) load.push_back({{id, "a"}, id});
  table.MergeLoad(load, table.Index());
  Apply(load, &model);
  table.CloseIndex();
  index::KeyIndex* index = table.Index();
  for (const auto& entry : std::filesystem::directory_iterator(table.IndexFolder())) {
    if (!entry.path().filename().string().starts_with("run-")) continue;
    std::fstream file(entry.path(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(index::kBlockBytes + 100);  // in the first entries
    file.write("damage", 6);
  }
  const Load more = {{{1, "a"}, 5}, {{2, "a"}, std::nullopt}, {{99, "a"}, 5}};
  const MergeResult result = table.MergeLoad(more, index);
  Apply(more, &model);
  EXPECT_FALSE(result.by_index);
  EXPECT_EQ(result.rows_updated, 1);
  testing::ExpectSame(table.Rows(), model);
  EXPECT_TRUE(table.MergeLoad({{{1, "a"}, 5}}, table.Index()).by_index);  // built anew
  table.ExpectIndexIsTrue();
}

/// Fails each call of the index's disk once: the load is right, by the index or not, and so is the next one.
TEST(MergeByIndex, SurvivesEachFailingCallOfItsDisk) {
  bool clean = false;
  int step = 1, not_used = 0;
  for (; !clean && step < 300; ++step) {
    IndexedTable table({.staged_entries_max = 2});
    Model model;
    const auto merge = [&](const Load& load, index::KeyIndex* index) {
      const MergeResult result = table.MergeLoad(load, index);
      Apply(load, &model);
      testing::ExpectSame(table.Rows(), model);
      return result.by_index;
    };
    merge({{{1, "a"}, 1}, {{2, "a"}, 1}, {{3, "a"}, 1}}, table.Index());
    table.MergeLoad({{{4, "a"}, 1}}, nullptr);
    Apply({{{4, "a"}, 1}}, &model);
    table.CloseIndex();
    const auto disk = index::MakeFastStore();
    io::FaultyFileStore faulty(*disk, {.fail_at = step});
    {
      auto opened = index::KeyIndex::Open(faulty, table.IndexOptions());
      auto index = opened.ok() ? std::move(opened->index) : nullptr;
      table.expect_published = false;
      const bool by_index = merge({{{1, "a"}, 2}, {{5, "a"}, 2}, {{3, "a"}, std::nullopt}, {{4, "a"}, 2}}, index.get());
      not_used += index != nullptr && !by_index ? 1 : 0;
    }
    clean = faulty.num_calls() < step;
    table.expect_published = true;
    EXPECT_TRUE(merge({{{1, "a"}, 3}, {{5, "a"}, 3}, {{3, "a"}, 3}, {{4, "a"}, 3}}, table.Index()));
    table.ExpectIndexIsTrue();
    ASSERT_FALSE(HasFailure()) << "step " << step;
  }
  EXPECT_GT(step, 10);
  EXPECT_GT(not_used, 2);
}

}  // namespace
}  // namespace firn::table
