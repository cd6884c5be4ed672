#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "table/commit/commit_test_support.h"
#include "table/commit/schema_update.h"

/// What a history of commits leaves is read by pyiceberg (through the catalog database itself) and by DuckDB.
namespace firn::table {
namespace {

using namespace commit_testing;

std::string ReadersPython() {
  if (const char* named = std::getenv("FIRN_READERS_PYTHON")) return named;
  const char* home = std::getenv("HOME");
  return std::string(home == nullptr ? "" : home) + "/.cache/firn-build/readers/bin/python";
}

constexpr char kScript[] = R"py(
import json, sys
root, expected = sys.argv[1], json.loads(sys.argv[2])
from pyiceberg.catalog.sql import SqlCatalog
catalog = SqlCatalog("firn", uri=f"sqlite:///{root}/catalog.db", warehouse=f"file://{root}")
import duckdb
db = duckdb.connect()
import importlib, os
for extension in ("avro", "iceberg"):
    folder = os.path.dirname(importlib.import_module("duckdb_extension_" + extension).__file__)
    db.execute(f"LOAD '{folder}/extensions/v{duckdb.__version__}/{extension}.duckdb_extension'")
assert catalog.list_tables("shop") and ("shop",) in catalog.list_namespaces()
for name, ids in expected.items():
    table = catalog.load_table(f"shop.{name}")
    got = sorted(table.scan().to_arrow()["id"].to_pylist())
    assert got == ids, ("pyiceberg", name, got, ids)
    got = sorted(r[0] for r in db.execute(f"SELECT id FROM iceberg_scan('{table.metadata_location[7:]}')").fetchall())
    assert got == ids, ("duckdb", name, got, ids)
    oldest = table.metadata.snapshots[0].snapshot_id
    table.scan(snapshot_id=oldest).to_arrow()
    total = int(table.current_snapshot().summary["total-records"])
    assert total == len(ids), ("total-records", name, total)
# and pyiceberg writes where we wrote; the next commit of ours must go on from there
import pyarrow as pa
table = catalog.load_table("shop.orders")
column = table.scan().to_arrow().schema
table.append(pa.table({f.name: pa.array([777] if f.name == "id" else [None], f.type) for f in column}, schema=column))
print("readers agree")
)py";

TEST(CommitReaders, AgreeOnAHistoryOfAllKindsOfCommits) {
  const std::string python = ReadersPython();
  if (!std::filesystem::exists(python)) GTEST_SKIP() << "no readers: " << python << " is missing";
  Warehouse world;
  CommitterOptions options = FastOptions();
  options.retention = {.snapshots_min = 6, .snapshots_slack = 1, .hourly_for_ms = 0};
  options.manifests_merge_min = 5;
  auto committer = world.MakeCommitter(options);
  for (int64_t i = 0; i < 14; ++i) {
    world.clock.Advance(std::chrono::seconds(1));
    ASSERT_TRUE(Load(world, *committer, kOrders, "s", {i, 100 + i}, std::to_string(i)).ok());
    const auto mode = i % 4 == 3 ? WriteMode::kOverwriteAll : WriteMode::kAppend;
    ASSERT_TRUE(Load(world, *committer, kItems, "s", {i}, std::to_string(i), mode).ok());
  }
  // Evolution, and a row delta over it.
  auto opened = Must(committer->OpenStream(kOrders, "s"));
  schema::Schema wanted = IdSchema();
  wanted.fields.push_back({.name = "note", .type = schema::String()});
  const auto evolved = Must(EvolveSchema(*opened.table->metadata, wanted));
  StagedTable change =
      Stage(opened, kOrders, "s", "evolve", "\"e\"", {world.Write(kOrders, {50}, "evolve", evolved.schema)});
  change.new_schema = evolved.schema;
  ASSERT_TRUE(committer->Commit({&change, 1}, {}).ok());
  opened = Must(committer->OpenStream(kOrders, "s"));
  StagedTable delta =
      Stage(opened, kOrders, "s", "delta", "\"d\"", {world.Write(kOrders, {51}, "delta", evolved.schema)});
  delta.mode = WriteMode::kRowDelta;
  const auto live = world.LiveFiles(*opened.table->metadata, *opened.table->metadata->CurrentSnapshot());
  for (const std::string& file : live) {
    if (file.find("/evolve-") != std::string::npos) delta.removed.push_back(file);
  }
  ASSERT_EQ(delta.removed.size(), 1u);
  delta.replan = [](const catalog::LoadedTable&, std::stop_token) -> Result<RowDelta> { return RowDelta{}; };
  ASSERT_TRUE(committer->Commit({&delta, 1}, {}).ok());

  const auto list = [](const Ids& ids) {
    std::string text = "[";
    for (const int64_t id : ids) text += (text.size() > 1 ? "," : "") + std::to_string(id);
    return text + "]";
  };
  const std::string script = world.root() + "/read.py";
  Must(world.files->WriteAtomic(script, kScript));
  const std::string command = python + " " + script + " " + world.root() +
                              " '{\"orders\":" + list(world.Read(kOrders)) + ",\"items\":" + list(world.Read(kItems)) +
                              "}' 2>&1";
  std::FILE* pipe = ::popen(command.c_str(), "r");
  ASSERT_NE(pipe, nullptr);
  std::string output;
  char buffer[4096];
  while (const size_t size = std::fread(buffer, 1, sizeof buffer, pipe)) output.append(buffer, size);
  EXPECT_EQ(::pclose(pipe), 0) << output;

  // A foreign snapshot is on top now: the stream's position is found below it, and the next commit builds on it.
  Ids expected = world.Read(kOrders);
  EXPECT_EQ(expected.count(777), 1u);
  EXPECT_EQ(Must(committer->OpenStream(kOrders, "s")).state, "\"d\"");
  opened = Must(committer->OpenStream(kOrders, "s"));
  const auto schema = opened.table->metadata->schema_ptr();
  const StagedTable next = Stage(opened, kOrders, "s", "next", "\"n\"", {world.Write(kOrders, {60}, "next", schema)});
  ASSERT_TRUE(committer->Commit({&next, 1}, {}).ok());
  expected.insert(60);
  EXPECT_EQ(world.Read(kOrders), expected);
}

}  // namespace
}  // namespace firn::table
