#include "catalog/sqlite/catalog.h"

#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <thread>

#include "base/uuid.h"
#include "catalog/sqlite/database.h"
#include "catalog/sqlite/faulty_vfs_test_support.h"
#include "io/local_file_store.h"
#include "schema/type.h"
#include "table/metadata/metadata_json.h"

namespace firn::catalog::sqlite {
namespace {

template <typename T>
T Must(Result<T> result) {
  if (!result.ok()) ADD_FAILURE() << result.status().ToString();
  return std::move(result).ValueOrDie();
}

class SqliteCatalogTest : public ::testing::Test {
 protected:
  SqliteCatalogTest() : root_(::testing::TempDir() + "/firn-catalog-" + MakeUuid4().ToString()) {
    std::filesystem::create_directories(root_);
    files_ = io::MakeLocalFileStore();
  }
  ~SqliteCatalogTest() override { std::filesystem::remove_all(root_); }

  Result<std::unique_ptr<Catalog>> TryOpen(bool create = true, std::string vfs = "") {
    return OpenSqliteCatalog({.path = root_ + "/catalog.db",
                              .warehouse = root_,
                              .busy_timeout_ms = 200,
                              .create_if_missing = create,
                              .vfs = std::move(vfs)},
                             *files_, clock_);
  }
  std::unique_ptr<Catalog> Open(std::string vfs = "") { return Must(TryOpen(true, std::move(vfs))); }

  static TableCommit Create(const Catalog& catalog, const TableIdentifier& table) {
    auto schema = std::make_shared<schema::Schema>();
    schema->fields = {{.id = 1, .name = "id", .type = schema::Long()}};
    return {.identifier = table,
            .requirements = {table::requirement::AssertCreate{}},
            .updates = {table::update::AssignUuid{.uuid = table::NewUuid()},
                        table::update::SetLocation{.location = catalog.DefaultLocation(table)},
                        table::update::AddSchema{.schema = schema}, table::update::SetCurrentSchema{},
                        table::update::AddSpec{}, table::update::SetDefaultSpec{}}};
  }
  static TableCommit Set(const TableIdentifier& table, const std::string& value) {
    return {.identifier = table, .updates = {table::update::SetProperties{.updates = {{"k", value}}}}};
  }
  static std::string Value(Catalog& catalog, const TableIdentifier& table) {
    const auto loaded = Must(catalog.LoadTable(table));
    return loaded ? loaded->metadata->Property("k", "none") : "missing";
  }
  static CommitOutcome Commit(Catalog& catalog, const std::vector<TableCommit>& commits) {
    return Must(catalog.Commit(commits, {})).outcome;
  }
  int64_t CountMetadataFiles() {
    int64_t count = 0;
    for (const auto& info : Must(files_->List(root_))) count += info.location.ends_with(".metadata.json");
    return count;
  }

  const std::string root_;
  const TableIdentifier a_{.ns = {"shop"}, .name = "a"};
  const TableIdentifier b_{.ns = {"shop"}, .name = "b"};
  FakeClock clock_;
  std::unique_ptr<io::FileStore> files_;
};

TEST_F(SqliteCatalogTest, CreatesLoadsAndChangesTables) {
  auto catalog = Open();
  EXPECT_FALSE(Must(catalog->LoadTable(a_)).has_value());
  const TableCommit create = Create(*catalog, a_);
  EXPECT_FALSE(catalog->Commit({&create, 1}, {}).ok());  // no namespace yet
  ASSERT_TRUE(catalog->CreateNamespace({"shop"}).ok());
  ASSERT_TRUE(catalog->CreateNamespace({"shop"}).ok());
  EXPECT_EQ(Commit(*catalog, {create}), CommitOutcome::kCommitted);
  EXPECT_EQ(Commit(*catalog, {Create(*catalog, a_)}), CommitOutcome::kConflict);
  EXPECT_EQ(Commit(*catalog, {Set(a_, "1")}), CommitOutcome::kCommitted);
  EXPECT_EQ(Value(*catalog, a_), "1");
  const auto loaded = Must(Open()->LoadTable(a_));
  EXPECT_TRUE(loaded->metadata_location.starts_with("file://" + root_ + "/shop/a/metadata/00001-"));
  EXPECT_TRUE(loaded->metadata_location.ends_with(".metadata.json"));
  EXPECT_EQ(loaded->metadata->metadata_log.size(), 1u);
  EXPECT_EQ(Must(catalog->ListTables({"shop"})), std::vector<TableIdentifier>{a_});
  EXPECT_EQ(Must(catalog->ListNamespaces()), std::vector<std::vector<std::string>>{{"shop"}});
}

TEST_F(SqliteCatalogTest, SeveralTablesChangeTogetherOrNotAtAll) {
  auto catalog = Open();
  ASSERT_TRUE(catalog->CreateNamespace({"shop"}).ok());
  ASSERT_EQ(Commit(*catalog, {Create(*catalog, a_)}), CommitOutcome::kCommitted);
  const int64_t num_files = CountMetadataFiles();
  TableCommit refused = Create(*catalog, a_);  // exists
  refused.identifier = a_;
  EXPECT_EQ(Commit(*catalog, {Create(*catalog, b_), refused}), CommitOutcome::kConflict);
  EXPECT_EQ(Value(*catalog, b_), "missing");
  EXPECT_EQ(CountMetadataFiles(), num_files);
  EXPECT_EQ(Commit(*catalog, {Create(*catalog, b_), Set(a_, "2")}), CommitOutcome::kCommitted);
  EXPECT_EQ(Value(*catalog, a_), "2");
  EXPECT_EQ(Value(*catalog, b_), "none");
}

TEST_F(SqliteCatalogTest, OneOfTwoWritersOfTheSameVersionLoses) {
  auto catalog = Open();
  ASSERT_TRUE(catalog->CreateNamespace({"shop"}).ok());
  ASSERT_EQ(Commit(*catalog, {Create(*catalog, a_)}), CommitOutcome::kCommitted);
  constexpr int kThreads = 4;
  constexpr int kCommits = 20;
  std::atomic<int> committed = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      auto own = Open();
      for (int i = 0; i < kCommits; ++i) {
        committed += Commit(*own, {Set(a_, std::to_string(t * 100 + i))}) == CommitOutcome::kCommitted;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  const auto loaded = Must(catalog->LoadTable(a_));
  EXPECT_EQ(static_cast<int>(loaded->metadata->metadata_log.size()), committed);  // none was lost
  EXPECT_EQ(CountMetadataFiles(), committed + 1);                                 // losers left nothing
}

TEST_F(SqliteCatalogTest, BusyIsAConflictAndStoppedIsCancelled) {
  auto catalog = Open();
  ASSERT_TRUE(catalog->CreateNamespace({"shop"}).ok());
  ASSERT_EQ(Commit(*catalog, {Create(*catalog, a_)}), CommitOutcome::kCommitted);
  {
    auto blocker = Must(Database::Open({.path = root_ + "/catalog.db"}));
    ASSERT_TRUE(blocker->Update("BEGIN IMMEDIATE").ok());
    EXPECT_EQ(Commit(*catalog, {Set(a_, "1")}), CommitOutcome::kConflict);
    ASSERT_TRUE(blocker->Update("ROLLBACK").ok());
  }
  std::stop_source stop;
  stop.request_stop();
  const TableCommit set = Set(a_, "2");
  EXPECT_EQ(FaultOf(catalog->Commit({&set, 1}, stop.get_token()).status()), Fault::kCancelled);
  EXPECT_EQ(Commit(*catalog, {Set(a_, "3")}), CommitOutcome::kCommitted);
}

TEST_F(SqliteCatalogTest, DropsAndRenames) {
  auto catalog = Open();
  ASSERT_TRUE(catalog->CreateNamespace({"shop"}).ok());
  ASSERT_EQ(Commit(*catalog, {Create(*catalog, a_)}), CommitOutcome::kCommitted);
  ASSERT_TRUE(catalog->RenameTable(a_, b_).ok());
  EXPECT_EQ(Value(*catalog, a_), "missing");
  EXPECT_EQ(Value(*catalog, b_), "none");
  ASSERT_EQ(Commit(*catalog, {Create(*catalog, a_)}), CommitOutcome::kCommitted);
  EXPECT_EQ(FaultOf(catalog->RenameTable(a_, b_)), Fault::kConfig);
  ASSERT_TRUE(catalog->DropTable(b_).ok());
  EXPECT_EQ(FaultOf(catalog->DropTable(b_)), Fault::kConfig);
}

TEST_F(SqliteCatalogTest, LookingCreatesNothing) {
  EXPECT_EQ(FaultOf(TryOpen(false).status()), Fault::kConfig);
  EXPECT_FALSE(std::filesystem::exists(root_ + "/catalog.db"));
  Open();
  EXPECT_TRUE(TryOpen(false).ok());
}

TEST_F(SqliteCatalogTest, MakesNoLakeAtAPathThatReadersMisread) {
  const std::string folder = root_ + "/c#";
  const auto open = [&] {
    return OpenSqliteCatalog({.path = folder + "/catalog.db", .warehouse = folder}, *files_, clock_);
  };
  const Status refused = open().status();
  EXPECT_EQ(FaultOf(refused), Fault::kConfig);
  EXPECT_EQ(ContextOf(refused)->code, "E0471");
  EXPECT_FALSE(std::filesystem::exists(folder));
  Must(Database::Open({.path = root_ + "/catalog.db", .create = true}));
  std::filesystem::create_directories(folder);
  std::filesystem::rename(root_ + "/catalog.db", folder + "/catalog.db");
  EXPECT_TRUE(open().ok());  // one that is there goes on
}

TEST_F(SqliteCatalogTest, ReadsAndWritesLayoutVersionZero) {
  {
    auto database = Must(Database::Open({.path = root_ + "/catalog.db", .create = true}));
    ASSERT_TRUE(
        database
            ->Update("CREATE TABLE iceberg_tables (catalog_name VARCHAR(255) NOT NULL, table_namespace "
                     "VARCHAR(255) NOT NULL, table_name VARCHAR(255) NOT NULL, metadata_location VARCHAR(1000), "
                     "previous_metadata_location VARCHAR(1000), PRIMARY KEY (catalog_name, table_namespace, "
                     "table_name))")
            .ok());
    ASSERT_TRUE(database
                    ->Update("CREATE TABLE iceberg_namespace_properties (catalog_name VARCHAR(255) NOT NULL, namespace "
                             "VARCHAR(255) NOT NULL, property_key VARCHAR(255), property_value VARCHAR(1000), PRIMARY "
                             "KEY (catalog_name, namespace, property_key))")
                    .ok());
  }
  auto catalog = Open();
  ASSERT_TRUE(catalog->CreateNamespace({"shop"}).ok());
  ASSERT_EQ(Commit(*catalog, {Create(*catalog, a_)}), CommitOutcome::kCommitted);
  EXPECT_EQ(Commit(*catalog, {Set(a_, "1")}), CommitOutcome::kCommitted);
  EXPECT_EQ(Value(*catalog, a_), "1");
}

TEST_F(SqliteCatalogTest, LeavesViewsAlone) {
  auto catalog = Open();
  ASSERT_TRUE(catalog->CreateNamespace({"shop"}).ok());
  auto database = Must(Database::Open({.path = root_ + "/catalog.db"}));
  ASSERT_TRUE(database->Update("INSERT INTO iceberg_tables VALUES ('firn', 'shop', 'a', 'x', NULL, 'VIEW')").ok());
  EXPECT_FALSE(Must(catalog->LoadTable(a_)).has_value());
  EXPECT_TRUE(Must(catalog->ListTables({"shop"})).empty());
  EXPECT_EQ(FaultOf(catalog->DropTable(a_)), Fault::kConfig);
  EXPECT_EQ(Commit(*catalog, {Create(*catalog, a_)}), CommitOutcome::kConflict);
}

TEST_F(SqliteCatalogTest, RefusesWhatIsNoCatalog) {
  ASSERT_TRUE(files_->WriteAtomic(root_ + "/catalog.db", std::string(5000, 'x')).ok());
  EXPECT_EQ(FaultOf(TryOpen().status()), Fault::kConfig);
}

TEST_F(SqliteCatalogTest, LocationsAreTakenLiterallyByEveryReader) {
  auto catalog = Open();
  EXPECT_EQ(catalog->DefaultLocation(a_), "file://" + root_ + "/shop/a");
  std::set<std::string> distinct;
  const std::string names[] = {"a b", "a%20b", "a?b", "ä", "..", ".", "a/b", "a_b", std::string(300, 'x')};
  for (const std::string& name : names) {
    const std::string location = catalog->DefaultLocation({.ns = {"shop"}, .name = name});
    EXPECT_EQ(location.find_first_of("?#%* []{}\\", 7), std::string::npos) << location;
    EXPECT_EQ(location.find("/shop/"), location.rfind('/') - 5) << location;
    EXPECT_TRUE(distinct.insert(location).second) << location;
  }
}

// Every write and sync of the database file or its log fails once, before or after its effect: the answer is the truth.
TEST_F(SqliteCatalogTest, AnswersTruthfullyWhenItsDiskFails) {
  int num_failed_commits = 0;
  for (const bool after_effect : {false, true}) {
    for (int step = 1;; ++step) {
      std::filesystem::remove_all(root_);
      std::filesystem::create_directories(root_);
      {
        auto healthy = Open();
        ASSERT_TRUE(healthy->CreateNamespace({"shop"}).ok());
        ASSERT_EQ(Commit(*healthy, {Create(*healthy, a_), Create(*healthy, b_)}), CommitOutcome::kCommitted);
      }
      FaultyVfs vfs;
      auto catalog = TryOpen(true, vfs.name());
      ASSERT_TRUE(catalog.ok()) << catalog.status().ToString();
      vfs.FailAt(step, after_effect);
      const auto tried = (*catalog)->Commit(std::vector<TableCommit>{Set(a_, "new"), Set(b_, "new")}, {});
      const bool failed = vfs.failed();
      vfs.FailAt(0, false);
      ASSERT_TRUE(tried.ok()) << tried.status().ToString();
      num_failed_commits += failed;
      catalog->reset();
      auto again = Open();
      SCOPED_TRACE("step " + std::to_string(step) + (after_effect ? " after" : " before"));
      const std::string value = Value(*again, a_);
      EXPECT_EQ(Value(*again, b_), value);
      if (tried->outcome == CommitOutcome::kCommitted) {
        EXPECT_EQ(value, "new");
      }
      if (tried->outcome == CommitOutcome::kConflict) {
        EXPECT_EQ(value, "none");
      }
      EXPECT_EQ(Commit(*again, {Set(a_, "next")}), CommitOutcome::kCommitted);
      if (!failed) break;
    }
  }
  EXPECT_GE(num_failed_commits, 4);
}

}  // namespace
}  // namespace firn::catalog::sqlite
