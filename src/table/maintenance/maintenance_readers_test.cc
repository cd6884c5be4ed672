#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <random>

#include "table/maintenance/maintenance_test_support.h"

/// What merges and compactions leave is read by pyiceberg and DuckDB, on the newest snapshot and on an older one.
namespace firn::table {
namespace {

using namespace maintenance_testing;
using commit_testing::Warehouse;

std::string ReadersPython() {
  if (const char* named = std::getenv("FIRN_READERS_PYTHON")) return named;
  const char* home = std::getenv("HOME");
  return std::string(home == nullptr ? "" : home) + "/.cache/firn-build/readers/bin/python";
}

constexpr char kScript[] = R"py(
import sys, json, importlib, os
root, name, snapshot, expected = sys.argv[1], sys.argv[2], sys.argv[3], json.load(open(sys.argv[4]))
from pyiceberg.catalog.sql import SqlCatalog
import duckdb
table = SqlCatalog("firn", uri=f"sqlite:///{root}/catalog.db", warehouse=f"file://{root}").load_table(f"shop.{name}")
rows = lambda arrow: sorted([r["id"], r["region"], r["value"]] for r in arrow.to_pylist())
got = rows(table.scan(snapshot_id=int(snapshot)).to_arrow())
assert got == expected, ("pyiceberg", len(got), len(expected))
db = duckdb.connect()
for extension in ("avro", "iceberg"):
    folder = os.path.dirname(importlib.import_module("duckdb_extension_" + extension).__file__)
    db.execute(f"LOAD '{folder}/extensions/v{duckdb.__version__}/{extension}.duckdb_extension'")
query = f"SELECT id, region, value FROM iceberg_scan('{table.metadata_location[7:]}', snapshot_from_id={snapshot})"
got = sorted(list(r) for r in db.execute(query).fetchall())
assert got == expected, ("duckdb", len(got), len(expected))
assert all(s.summary.operation.value in ("append", "overwrite", "replace", "delete") for s in table.snapshots())
)py";

void ExpectReadersAgree(Warehouse& world, const KeyedTable& table, SnapshotId snapshot,
                        const std::map<int64_t, Row>& model) {
  std::string json = "[";
  for (const auto& [id, row] : model) {
    json += (json.size() > 1 ? "," : "") + ("[" + std::to_string(row.id)) + ",\"" + row.region + "\"," +
            std::to_string(row.value) + "]";
  }
  Must(world.files->WriteAtomic(world.root() + "/expected.json", json + "]"));
  Must(world.files->WriteAtomic(world.root() + "/read.py", kScript));
  const std::string command = ReadersPython() + " " + world.root() + "/read.py " + world.root() + " " +
                              table.identifier.name + " " + std::to_string(snapshot.value) + " " + world.root() +
                              "/expected.json 2>&1";
  std::FILE* pipe = ::popen(command.c_str(), "r");
  ASSERT_NE(pipe, nullptr);
  std::string output;
  char buffer[4096];
  while (const size_t size = std::fread(buffer, 1, sizeof buffer, pipe)) output.append(buffer, size);
  EXPECT_EQ(::pclose(pipe), 0) << output;
}

TEST(MaintenanceReaders, AgreeBeforeAndAfterACompaction) {
  if (!std::filesystem::exists(ReadersPython())) GTEST_SKIP() << "no readers: " << ReadersPython() << " is missing";
  for (const TableKind kind : {TableKind{}, TableKind{.partitioned = true}, TableKind{.sorted = true}}) {
    Warehouse world;
    KeyedTable table(world, kind);
    std::mt19937_64 random(11);
    for (int64_t i = 0; i < 6; ++i) {
      std::vector<Row> rows;
      for (int64_t j = 0; j < 20; ++j) {
        rows.push_back({i * 20 + j, j % 3 == 0 ? "a" : "b", static_cast<int64_t>(random() % 50)});
      }
      ASSERT_TRUE(table.Append(rows).ok());
    }
    ASSERT_TRUE(table.Merge({{3, "b", 7}, {300, "a", 8}}, {1, 2, 40, 77}).ok());
    const auto before = table.Load().metadata->CurrentSnapshot()->snapshot_id;
    const auto model_before = table.model;
    MaintenanceOptions options{.manifests_min = 2};
    ASSERT_GT(Must(table.Maintain(options)).groups_committed, 0);
    ASSERT_TRUE(table.Merge({{5, "b", 70}}, {6}).ok());
    const auto after = table.Load().metadata->CurrentSnapshot()->snapshot_id;
    ExpectReadersAgree(world, table, before, model_before);
    ExpectReadersAgree(world, table, after, table.model);
  }
}

}  // namespace
}  // namespace firn::table
