#include "query/session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "catalog/sqlite/catalog.h"
#include "io/local_file_store.h"
#include "query/result_format.h"
#include "query/tables.h"

namespace firn::query {
namespace {

using ::testing::HasSubstr;

std::string ReadersPython() {
  if (const char* python = std::getenv("FIRN_READERS_PYTHON")) return python;
  const char* home = std::getenv("HOME");
  return std::string(home != nullptr ? home : "") + "/.cache/firn-build/readers/bin/python";
}

std::string Slurp(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// On tables that pyiceberg wrote once for all tests (testdata/write_tables.py).
class SessionTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (!std::filesystem::exists(ReadersPython())) return;
    folder_ = ::testing::TempDir() + "firn_query_lake_" + std::to_string(getpid());
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    const std::string script = std::filesystem::path(__FILE__).parent_path() / "testdata/write_tables.py";
    const std::string command = ReadersPython() + " -W ignore '" + script + "' '" + folder_ + "' 2>&1";
    ASSERT_EQ(std::system(command.c_str()), 0);
    notes_ = nlohmann::json::parse(Slurp(folder_ + "/notes.json"));
    files_ = io::MakeLocalFileStore();
    catalog_ = catalog::sqlite::OpenSqliteCatalog({.path = folder_ + "/catalog.db",
                                                   .name = "firn",
                                                   .warehouse = folder_ + "/lake",
                                                   .busy_timeout_ms = 1000,
                                                   .create_if_missing = false},
                                                  *files_, clock_)
                   .ValueOrDie();
  }
  static void TearDownTestSuite() {
    catalog_.reset();
    if (!folder_.empty()) std::filesystem::remove_all(folder_);
  }
  void SetUp() override {
    if (!catalog_) GTEST_SKIP() << "SKIPPED: no readers' Python at " << ReadersPython() << "; set FIRN_READERS_PYTHON";
    session_ = Session::Open(catalog_.get(), *files_, {.memory_bytes = 256 << 20, .threads = 2}).ValueOrDie();
  }

  std::string Rows(const std::string& sql, OutputFormat format = OutputFormat::kNdjson) {
    auto result = session_->Run(sql);
    if (!result.ok()) {
      const auto* context = ContextOf(result.status());
      return (context != nullptr ? context->code + ": " + context->why + ": " + context->next : "") + " " +
             result.status().message();
    }
    stats_ = (*result)->stats();
    std::string out;
    const auto written = WriteResult(**result, {.format = format},
                                     [&](std::string_view bytes) {
                                       out += bytes;
                                       return Status::OK();
                                     },
                                     {});
    return written.ok() ? out : written.status().ToString();
  }
  Status Error(const std::string& sql) {
    auto result = session_->Run(sql);
    return result.ok() ? (*result)->Next({}).status() : result.status();
  }
  static std::string Expected(const std::string& name) { return Slurp(folder_ + "/expected/" + name + ".ndjson"); }
  static std::string Note(const std::string& name) { return notes_.at(name).get<std::string>(); }

  static inline std::string folder_;
  static inline nlohmann::json notes_;
  static inline FakeClock clock_{Timestamp{.micros = 1'767'225'600'000'000}};
  static inline std::unique_ptr<io::FileStore> files_;
  static inline std::unique_ptr<catalog::Catalog> catalog_;
  std::unique_ptr<Session> session_;
  QueryStats stats_;
};

TEST_F(SessionTest, ReadsWhatPyicebergReads) {
  for (const char* table : {"evolved", "types", "nested", "parts", "versions"}) {
    EXPECT_EQ(Rows(std::string("select * from shop.") + table + " order by id"), Expected(table)) << table;
    EXPECT_FALSE(Expected(table).empty());
  }
  EXPECT_EQ(Rows("from shop.\"Weird \"\"Name\"\".é\""), Expected("weird"));
}

TEST_F(SessionTest, ReadsOldSnapshotsWithTheirOwnSchema) {
  for (const char* table : {"evolved", "nested"}) {
    const std::string first = std::string(table) + "_first";
    EXPECT_EQ(Rows(std::string("select * from shop.") + table + " at (version => " + Note(first) + ") order by id"),
              Expected(first))
        << table;
  }
  EXPECT_EQ(Rows("select count(*) n, (select count(*) from shop.versions x at (version => " + Note("version_0") +
                 ")) o, (from shop.versions at (version => 'audit') select max(id)) a from shop.versions"),
            "{\"n\":2,\"o\":1,\"a\":1}\n");
}

TEST_F(SessionTest, TravelsInTime) {
  const std::string ms = Note("version_1_ms");
  EXPECT_EQ(Rows("select count(*) n from shop.versions at (timestamp => make_timestamptz(" + ms + "000))"),
            "{\"n\":2}\n");
  EXPECT_EQ(Rows("select count(*) n from shop.versions at (timestamp => now() + interval 1 day)"), "{\"n\":2}\n");
  EXPECT_EQ(ContextOf(Error("from shop.versions at (timestamp => '2001-01-01')"))->code, "E0706");
  EXPECT_EQ(ContextOf(Error("from shop.versions at (version => 12345)"))->code, "E0706");
  EXPECT_EQ(ContextOf(Error("from shop.versions at (version => 'nobranch')"))->code, "E0706");
  EXPECT_FALSE(Error("from shop.versions at (version => (select content from read_text('/etc/hostname')))").ok());
}

TEST_F(SessionTest, ReadsForeignTablesWithoutACatalog) {
  auto alone = Session::Open(nullptr, *files_, {.memory_bytes = 256 << 20, .threads = 1}).ValueOrDie();
  session_ = std::move(alone);
  const std::string foreign = "iceberg('" + Note("metadata_evolved").substr(7) + "')";
  EXPECT_EQ(Rows("select * from " + foreign + " order by id"), Expected("evolved"));
  EXPECT_EQ(Rows("select * from " + foreign + " at (version => " + Note("evolved_first") + ") order by id"),
            Expected("evolved_first"));
  EXPECT_EQ(ContextOf(Error("from iceberg('/nowhere/v1.metadata.json')"))->code, "E0704");
  EXPECT_EQ(ContextOf(Error("from shop.evolved"))->code, "E0704");
}

TEST_F(SessionTest, FindsColumnsOfFilesWithoutIdsByTheNameMapping) {
  EXPECT_EQ(Rows("from shop.mapped where id < 3 order by id"), "{\"id\":1,\"d\":1.5}\n{\"id\":2,\"d\":null}\n");
}

TEST_F(SessionTest, NanIsGreaterThanEveryBound) {
  EXPECT_EQ(Rows("from shop.mapped where d > 100"), "{\"id\":3,\"d\":\"NaN\"}\n");
}

TEST_F(SessionTest, EmptyTablesHaveTheirColumns) {
  EXPECT_EQ(Rows("from shop.empty"), "");
  EXPECT_EQ(Rows("from shop.empty", OutputFormat::kCsv), "id,s\n");
  EXPECT_EQ(Rows("select count(*) n from shop.empty"), "{\"n\":0}\n");
}

TEST_F(SessionTest, ColumnsThatDifferOnlyInCaseBothShow) {
  EXPECT_EQ(Rows("from shop.twins"), "{\"id\":1,\"a\":2,\"A__2\":\"three\"}\n");
}

TEST_F(SessionTest, OpensOnlyTheFilesThatMayMatch) {
  EXPECT_EQ(Rows("select * from shop.parts where city = 'Oslo' and id < 12 order by id"), Expected("parts_oslo"));
  EXPECT_LT(stats_.data_files, 5);
  EXPECT_GT(stats_.files_skipped, 4);
  EXPECT_EQ(Rows("select count(*) n from shop.parts where city is null"), "{\"n\":1}\n");
  EXPECT_EQ(Rows("select count(*) n from shop.parts where \"at\" >= '2026-02-02' and \"at\" < date '2026-02-04'"),
            "{\"n\":2}\n");
  EXPECT_GT(stats_.files_skipped, 0);
}

// The metadata column makes our own scan read the file.
TEST_F(SessionTest, ReadsOnlyTheRowGroupsThatMayMatch) {
  EXPECT_EQ(Rows("select id, _pos from shop.groups where id > 997 order by id"),
            "{\"id\":998,\"_pos\":998}\n{\"id\":999,\"_pos\":999}\n");
  EXPECT_EQ(Rows("select _pos from shop.groups where s = '" + std::string(100, 'x') + "0712'"), "{\"_pos\":712}\n");
  EXPECT_EQ(Rows("select count(_pos) n from shop.groups where id between 500 and 749"), "{\"n\":250}\n");
  EXPECT_EQ(Rows("select _pos from shop.groups where d < 250.5 and id >= 500"), "{\"_pos\":500}\n");
  EXPECT_EQ(Rows("select _pos from shop.groups where d > 499 and id > 500 order by 1"),
            "{\"_pos\":850}\n{\"_pos\":999}\n")
      << "NaN is greater than every bound";
  EXPECT_EQ(Rows("select count(_pos) n from shop.groups where id is null"), "{\"n\":0}\n");
  EXPECT_EQ(FaultOf(Error("select sum(id), max(_pos) from shop.groups where id = 99")), Fault::kBadData);
}

TEST_F(SessionTest, JoinsSubqueriesAndNamesBindAsWritten) {
  EXPECT_EQ(Rows("with v as (from shop.versions) select shop.evolved.id, v.id from shop.evolved join v on v.id = "
                 "evolved.id where shop.evolved.id > 1"),
            "{\"id\":2,\"id_1\":2}\n");
  EXPECT_EQ(Rows("select count(*) n from SHOP.Versions, versions"), "{\"n\":4}\n");
  EXPECT_THAT(Rows("describe shop.evolved"), HasSubstr("{\"column_name\":\"id\",\"column_type\":\"BIGINT\""));
  EXPECT_THAT(Rows("summarize shop.versions"), HasSubstr("\"count\":2"));
  EXPECT_THAT(Rows("explain from shop.versions"), HasSubstr("explain_value"));
  EXPECT_THAT(Rows("show tables"), HasSubstr("{\"namespace\":\"shop\",\"name\":\"evolved\"}"));
}

TEST_F(SessionTest, NamesWhatWasMeant) {
  const Status table = Error("from shop.evolvd");
  EXPECT_EQ(ContextOf(table)->code, "E0704");
  EXPECT_EQ(ContextOf(table)->next, "did you mean shop.evolved?");
  EXPECT_THAT(ContextOf(table)->why, HasSubstr("shop.nested"));
  const Status column = Error("select renamd from shop.evolved");
  EXPECT_EQ(ContextOf(column)->code, "E0705");
  EXPECT_EQ(ContextOf(column)->next, "did you mean renamed?");
  EXPECT_THAT(ContextOf(column)->why, HasSubstr("Referenced column"));
}

TEST_F(SessionTest, ListsTablesAndTheirHistory) {
  const auto tables = ListTables(*catalog_).ValueOrDie();
  ASSERT_EQ(tables.size(), 10u);
  for (const auto& info : tables) EXPECT_TRUE(info.error.ok()) << info.error;
  const auto loaded = LoadNamedTable(*catalog_, "shop.versions").ValueOrDie();
  EXPECT_EQ(loaded.metadata_location, Note("metadata_versions"));
  const auto history = History(*loaded.metadata);
  ASSERT_GE(history.size(), 4u);
  EXPECT_TRUE(history[0].is_current);
  EXPECT_TRUE(history[0].on_main);
  EXPECT_EQ(history.back().added_rows, 1);
  EXPECT_EQ(LoadNamedTable(*catalog_, "versions").ValueOrDie().metadata_location, loaded.metadata_location);
}

TEST_F(SessionTest, PrintsWhatTheFirstQueryCosts) {
  const auto begin = std::chrono::steady_clock::now();
  Rows("select count(*) from shop.versions");
  const auto end = std::chrono::steady_clock::now();
  std::cout << "[   cost   ] one query with engine start: "
            << std::chrono::duration_cast<std::chrono::milliseconds>(end - begin).count() << " ms\n";
}

}  // namespace
}  // namespace firn::query
