#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <set>
#include <string>
#include <utility>

#include "table/maintenance/maintenance_test_support.h"
#include "table/scan/row_lineage_test_support.h"

/// Tables of format version 3 over merges, compactions and an upgrade: deletion vectors, and who keeps which row id.
namespace firn::table {
namespace {

using namespace maintenance_testing;
using commit_testing::Warehouse;

using Lineage = std::map<int64_t, testing::RowLineage>;

Lineage LineageOf(Warehouse& world, const KeyedTable& table) {
  Lineage lineage;
  const auto metadata = table.Load().metadata;
  const ScanPlan plan =
      Must(PlanFiles(*world.files, *metadata, *metadata->CurrentSnapshot(), {.deletes = ScanOptions::Deletes::kPlan}));
  testing::EachLineage(*world.files, metadata, plan, [&](const auto& batch, int64_t row, auto of) {
    lineage[static_cast<const arrow::Int64Array&>(*batch.column(0)).Value(row)] = of;
  });
  return lineage;
}

MaintenanceOptions CompactAll() {
  return {.rewrite_manifests = false, .expire = false, .compaction = {.files_min = 2, .deleted_share_min = 0.0001}};
}

Status AppendMany(KeyedTable& table, int64_t count, int64_t rows_each) {
  for (int64_t i = 0; i < count; ++i) {
    std::vector<Row> rows;
    for (int64_t j = 0; j < rows_each; ++j) rows.push_back({i * rows_each + j, j % 2 == 0 ? "a" : "b", 100 - j});
    ARROW_RETURN_NOT_OK(table.Append(rows));
  }
  return Status::OK();
}

// Every delete is a deletion vector, one of a data file at most.
void ExpectVectorsAlone(const KeyedTable& table) {
  std::set<std::string> data_files;
  const Inventory inventory = table.Live();
  for (const DeleteEntry& entry : inventory.deletes()) {
    EXPECT_EQ(entry->file.file_format, FileFormat::kPuffin);
    EXPECT_TRUE(data_files.insert(entry->file.referenced_data_file.value_or("")).second);
    EXPECT_NE(inventory.Find(entry->file.referenced_data_file.value_or("")), nullptr) << "dangling";
  }
}

TEST(RowLineage, UpdatedRowsKeepTheirIds) {
  for (const RowLevelMode mode : {RowLevelMode::kMergeOnRead, RowLevelMode::kCopyOnWrite}) {
    Warehouse world;
    KeyedTable table(world, {.format_version = 3});
    ASSERT_TRUE(AppendMany(table, 3, 4).ok());
    const Lineage before = LineageOf(world, table);
    EXPECT_EQ(before.at(0), (std::pair<int64_t, int64_t>(0, 1)));
    EXPECT_EQ(before.at(11), (std::pair<int64_t, int64_t>(11, 3)));
    ASSERT_TRUE(table.Merge({{1, "b", 7}, {500, "a", 8}, {9, "b", 9}}, {4}, mode).ok());
    table.ExpectModel();
    ExpectVectorsAlone(table);
    const Lineage after = LineageOf(world, table);
    EXPECT_EQ(after.size(), 12u);
    for (const auto& [id, lineage] : after) {
      if (id == 500) {
        EXPECT_GE(lineage.first, 12);
        EXPECT_EQ(lineage.second, 4);
      } else {
        EXPECT_EQ(lineage.first, before.at(id).first) << id;
        EXPECT_EQ(lineage.second, id == 1 || id == 9 ? 4 : before.at(id).second) << id;
      }
    }
  }
}

TEST(RowLineage, ACompactionChangesNone) {
  for (const TableKind kind : {TableKind{.format_version = 3}, TableKind{.partitioned = true, .format_version = 3},
                               TableKind{.sorted = true, .format_version = 3}}) {
    Warehouse world;
    KeyedTable table(world, kind);
    ASSERT_TRUE(AppendMany(table, 6, 10).ok());
    ASSERT_TRUE(table.Merge({{1, "b", 7}, {33, "a", 8}, {500, "a", 8}}, {0, 2, 40}).ok());
    const Lineage before = LineageOf(world, table);
    const auto report = Must(table.Maintain(CompactAll()));
    EXPECT_GT(report.groups_committed, 0);
    EXPECT_EQ(report.after.delete_files, 0);
    table.ExpectModel();
    EXPECT_EQ(LineageOf(world, table), before);
    // And rows of compacted files, whose ids are stored, keep them when they are updated.
    ASSERT_TRUE(table.Merge({{1, "b", 70}, {50, "a", 71}}, {3}).ok());
    Lineage expected = before;
    expected.erase(3);
    const int64_t now = table.Load().metadata->last_sequence_number;
    for (const int64_t id : {1, 50}) expected[id].second = now;
    EXPECT_EQ(LineageOf(world, table), expected);
    ASSERT_TRUE(table.Maintain(CompactAll()).ok());
    EXPECT_EQ(LineageOf(world, table), expected);
    table.ExpectModel();
  }
}

TEST(RowLineage, IsThatOfAModelForAnyHistory) {
  const uint64_t seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (int round = 0; round < 4; ++round) {
    Warehouse world;
    KeyedTable table(world, {.partitioned = round % 2 == 1, .format_version = 3});
    ASSERT_TRUE(AppendMany(table, 2, 20).ok());
    for (int step = 0; step < 10; ++step) {
      SCOPED_TRACE("round " + std::to_string(round) + " step " + std::to_string(step));
      const Lineage before = LineageOf(world, table);
      std::set<int64_t> changed;
      const auto choice = random() % 5;
      if (choice == 0) {
        ASSERT_TRUE(table.Maintain(CompactAll()).ok());
      } else {
        std::vector<Row> rows;
        std::vector<int64_t> deletes;
        for (int i = 0; i < 15; ++i) {
          const auto id = static_cast<int64_t>(random() % 70);
          if (!changed.insert(id).second) continue;
          if (random() % 3 == 0) {
            deletes.push_back(id);
          } else {
            rows.push_back({id, random() % 2 == 0 ? "a" : "b", static_cast<int64_t>(random() % 1000)});
          }
        }
        const auto mode = choice == 1 ? RowLevelMode::kCopyOnWrite : RowLevelMode::kMergeOnRead;
        ASSERT_TRUE(table.Merge(rows, deletes, mode).ok());
      }
      table.ExpectModel();
      ExpectVectorsAlone(table);
      const int64_t now = table.Load().metadata->last_sequence_number;
      for (const auto& [id, lineage] : LineageOf(world, table)) {
        const auto old = before.find(id);
        if (old == before.end()) continue;
        EXPECT_EQ(lineage.first, old->second.first) << id;
        EXPECT_EQ(lineage.second, changed.contains(id) ? now : old->second.second) << id;
      }
      if (HasFailure()) return;
    }
  }
}

// Position deletes of the time before an upgrade are read, and go into the vector with the next delete of their file.
TEST(RowLineage, AnUpgradedTableTurnsItsDeletesIntoVectors) {
  Warehouse world;
  KeyedTable table(world);
  ASSERT_TRUE(AppendMany(table, 3, 10).ok());
  ASSERT_TRUE(table.Merge({{1, "b", 7}}, {0, 12}).ok());
  EXPECT_EQ(table.Live().health().delete_files, 2);
  table.UpgradeTo(3);
  ASSERT_TRUE(table.Merge({{2, "a", 8}}, {3}).ok());  // the first file again: rows 0 and 1 are in its vector now
  EXPECT_EQ(table.Load().metadata->format_version, 3);
  table.ExpectModel();
  int64_t vectors = 0, files = 0;
  const Inventory inventory = table.Live();
  for (const DeleteEntry& entry : inventory.deletes()) {
    const bool is_vector = entry->file.file_format == FileFormat::kPuffin;
    ++(is_vector ? vectors : files);
    EXPECT_EQ(entry->file.record_count, is_vector ? 4 : 1);
  }
  EXPECT_EQ(vectors, 1);
  EXPECT_EQ(files, 1);  // of the second data file
  const Lineage before = LineageOf(world, table);
  ASSERT_TRUE(table.Merge({}, {13}).ok());
  ExpectVectorsAlone(table);
  table.ExpectModel();
  ASSERT_TRUE(table.Maintain(CompactAll()).ok());
  Lineage expected = before;
  expected.erase(13);
  EXPECT_EQ(LineageOf(world, table), expected);
  table.ExpectModel();
}

TEST(RowLineage, ExpiryKeepsPuffinFilesThatAVectorStillUses) {
  Warehouse world;
  KeyedTable table(world, {.format_version = 3});
  ASSERT_TRUE(AppendMany(table, 3, 10).ok());
  ASSERT_TRUE(table.Merge({}, {1, 11, 21}).ok());  // three vectors in one file
  ASSERT_TRUE(table.Merge({}, {2}).ok());          // one of them is replaced
  MaintenanceOptions expire{.compact = false, .rewrite_manifests = false};
  expire.retention = {.snapshots_min = 1, .snapshots_slack = 0, .thins = false};
  EXPECT_GT(Must(table.Maintain(expire)).snapshots_expired, 0);
  table.ExpectModel();
  ASSERT_TRUE(table.Merge({}, {12, 22}).ok());
  const auto report = Must(table.Maintain(expire));
  EXPECT_GT(report.expired_files_removed, 0);
  table.ExpectModel();
  ExpectVectorsAlone(table);
}

std::string ReadersPython() {
  if (const char* named = std::getenv("FIRN_READERS_PYTHON")) return named;
  const char* home = std::getenv("HOME");
  return std::string(home == nullptr ? "" : home) + "/.cache/firn-build/readers/bin/python";
}

// pyiceberg reads version 3 (it cannot write it); DuckDB too, with row ids.
constexpr char kScript[] = R"py(
import sys, json, importlib, os
root, name, expected, lineage = sys.argv[1], sys.argv[2], json.load(open(sys.argv[3])), json.load(open(sys.argv[4]))
from pyiceberg.catalog.sql import SqlCatalog
import duckdb
table = SqlCatalog("firn", uri=f"sqlite:///{root}/catalog.db", warehouse=f"file://{root}").load_table(f"shop.{name}")
assert table.metadata.format_version == 3, table.metadata.format_version
got = sorted([r["id"], r["region"], r["value"]] for r in table.scan().to_arrow().to_pylist())
assert got == expected, ("pyiceberg", len(got), len(expected))
db = duckdb.connect()
for extension in ("avro", "iceberg"):
    folder = os.path.dirname(importlib.import_module("duckdb_extension_" + extension).__file__)
    db.execute(f"LOAD '{folder}/extensions/v{duckdb.__version__}/{extension}.duckdb_extension'")
location = table.metadata_location[7:]
got = sorted(list(r) for r in db.execute(f"SELECT id, region, value FROM iceberg_scan('{location}')").fetchall())
assert got == expected, ("duckdb", len(got), len(expected))
try:
    got = sorted(list(r) for r in db.execute(
        f"SELECT id, _row_id, _last_updated_sequence_number FROM iceberg_scan('{location}')").fetchall())
except duckdb.BinderException as error:
    print("SKIPPED: this DuckDB has no row lineage columns:", str(error).splitlines()[0])
else:
    assert got == lineage, ("duckdb lineage", [p for p in zip(got, lineage) if p[0] != p[1]][:5])
    print("duckdb agrees on row lineage")
)py";

TEST(RowLineage, ForeignReadersAgree) {
  if (!std::filesystem::exists(ReadersPython())) GTEST_SKIP() << "no readers: " << ReadersPython() << " is missing";
  for (const bool partitioned : {false, true}) {
    Warehouse world;
    KeyedTable table(world, {.partitioned = partitioned});
    ASSERT_TRUE(AppendMany(table, 3, 10).ok());
    ASSERT_TRUE(table.Merge({{1, "b", 7}}, {0, 12}).ok());
    table.UpgradeTo(3);
    ASSERT_TRUE(table.Merge({{2, "a", 8}, {77, "b", 8}}, {3}).ok());
    ASSERT_TRUE(table.Append({{200, "a", 1}, {201, "b", 2}}).ok());
    ASSERT_TRUE(table.Merge({{2, "a", 9}, {200, "a", 9}}, {15}).ok());
    for (int round = 0; round < 2; ++round) {
      std::string rows = "[", lineage = "[";
      for (const auto& [id, row] : table.model) {
        rows += (rows.size() > 1 ? "," : "") + ("[" + std::to_string(id)) + ",\"" + row.region + "\"," +
                std::to_string(row.value) + "]";
      }
      for (const auto& [id, pair] : LineageOf(world, table)) {
        lineage += (lineage.size() > 1 ? "," : "") + ("[" + std::to_string(id)) + "," + std::to_string(pair.first) +
                   "," + std::to_string(pair.second) + "]";
      }
      Must(world.files->WriteAtomic(world.root() + "/expected.json", rows + "]"));
      Must(world.files->WriteAtomic(world.root() + "/lineage.json", lineage + "]"));
      Must(world.files->WriteAtomic(world.root() + "/read.py", kScript));
      const std::string command = ReadersPython() + " " + world.root() + "/read.py " + world.root() + " " +
                                  table.identifier.name + " " + world.root() + "/expected.json " + world.root() +
                                  "/lineage.json 2>&1";
      std::FILE* pipe = ::popen(command.c_str(), "r");
      ASSERT_NE(pipe, nullptr);
      std::string output;
      char buffer[4096];
      while (const size_t size = std::fread(buffer, 1, sizeof buffer, pipe)) output.append(buffer, size);
      EXPECT_EQ(::pclose(pipe), 0) << output;
      std::printf("%s", output.c_str());
      if (round == 0) {
        ASSERT_TRUE(table.Maintain(CompactAll()).ok());
      }
    }
  }
}

}  // namespace
}  // namespace firn::table
