#include "catalog/hadoop/catalog.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "base/clock.h"
#include "io/local_file_store.h"
#include "io/temporary_folder.h"

namespace firn::catalog::hadoop {
namespace {

// As Spark's HadoopCatalog writes it (CREATE TABLE shop.orders (id bigint) USING iceberg), shortened.
std::string Metadata(const std::string& location, int version) {
  return R"({"format-version":2,"table-uuid":"4c1f0c34-9b1d-4f0e-9d4d-6f3d2a7f9b10","location":")" + location +
         R"(","last-sequence-number":0,"last-updated-ms":1700000000000,"last-column-id":1,"current-schema-id":0,)"
         R"("schemas":[{"type":"struct","schema-id":0,"fields":[{"id":1,"name":"id","required":false,"type":"long"}]}],)"
         R"("default-spec-id":0,"partition-specs":[{"spec-id":0,"fields":[]}],"last-partition-id":999,)"
         R"("default-sort-order-id":0,"sort-orders":[{"order-id":0,"fields":[]}],"properties":{"version":")" +
         std::to_string(version) +
         R"("},"current-snapshot-id":-1,"refs":{},"snapshots":[],"snapshot-log":[],"metadata-log":[]})";
}

class HadoopCatalog : public ::testing::Test {
 protected:
  HadoopCatalog() : files_(io::MakeLocalFileStore()), catalog_(OpenHadoopCatalog(folder_.path(), *files_, clock_)) {}
  void Put(const std::string& path, const std::string& text) {
    const std::filesystem::path file = folder_.path() + "/" + path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text;
  }
  void PutVersion(const std::string& table, int version) {
    Put(table + "/metadata/v" + std::to_string(version) + ".metadata.json",
        Metadata("file://" + folder_.path() + "/" + table, version));
  }
  const TableIdentifier orders_{.ns = {"shop", "eu"}, .name = "orders"};
  io::TemporaryFolder folder_;
  FakeClock clock_;
  std::unique_ptr<io::FileStore> files_;
  std::unique_ptr<Catalog> catalog_;
};

TEST_F(HadoopCatalog, ReadsTheNewestVersionWhateverTheHintSays) {
  for (const int version : {1, 2, 9, 10}) PutVersion("shop/eu/orders", version);
  Put("shop/eu/orders/metadata/version-hint.text", "9\n");
  Put("shop/eu/orders/metadata/00011-a.metadata.json", "{}");  // of another layout
  Put("shop/eu/orders/data/v99.metadata.json", "{}");          // not in the metadata folder
  const auto loaded = catalog_->LoadTable(orders_);
  ASSERT_TRUE(loaded.ok() && *loaded) << loaded.status().ToString();
  EXPECT_EQ((*loaded)->metadata->Property("version"), "10");
  PutVersion("shop/eu/orders", 11);
  EXPECT_EQ((*catalog_->LoadTable(orders_))->metadata->Property("version"), "11");
  EXPECT_EQ(*catalog_->ListNamespaces(), (std::vector<std::vector<std::string>>{{"shop", "eu"}}));
  EXPECT_EQ(*catalog_->ListTables({"shop", "eu"}), std::vector<TableIdentifier>{orders_});
}

TEST_F(HadoopCatalog, AHintWithoutItsFileIsNotReadAsAnOlderTable) {
  PutVersion("shop/eu/orders", 1);
  Put("shop/eu/orders/metadata/version-hint.text", "2");
  const auto loaded = catalog_->LoadTable(orders_);
  ASSERT_FALSE(loaded.ok());
  EXPECT_EQ(FaultOf(loaded.status()), Fault::kBadData);
}

TEST_F(HadoopCatalog, WhatIsNotThereIsMissing) {
  EXPECT_FALSE(catalog_->LoadTable(orders_)->has_value());
  EXPECT_FALSE(catalog_->LoadTable({.ns = {".."}, .name = "etc"})->has_value());
  EXPECT_TRUE(catalog_->ListNamespaces()->empty());
}

TEST_F(HadoopCatalog, RefusesEveryChangeByName) {
  PutVersion("shop/eu/orders", 1);
  const TableCommit commit{.identifier = orders_, .updates = {table::update::SetProperties{.updates = {{"a", "b"}}}}};
  const auto committed = catalog_->Commit({&commit, 1}, {});
  for (const Status& status : {committed.status(), catalog_->CreateNamespace({"a"}), catalog_->DropTable(orders_),
                               catalog_->RenameTable(orders_, orders_)}) {
    EXPECT_EQ(FaultOf(status), Fault::kConfig);
    EXPECT_NE(status.message().find("hadoop is only read"), std::string::npos) << status.ToString();
  }
  EXPECT_EQ(files_->List(folder_.path())->size(), 1u);
}

TEST(HadoopVersion, IsTakenFromKnownNamesAlone) {
  EXPECT_EQ(VersionOf("v12.metadata.json"), 12);
  EXPECT_EQ(VersionOf("v3.gz.metadata.json"), 3);
  EXPECT_EQ(VersionOf("v4.metadata.json.gz"), 4);
  for (const char* name : {"12.metadata.json", "v.metadata.json", "v-1.metadata.json", "v1.json", "vx.metadata.json",
                           "v99999999999999999999.metadata.json", "00001-a.metadata.json"}) {
    EXPECT_FALSE(VersionOf(name)) << name;
  }
}

}  // namespace
}  // namespace firn::catalog::hadoop
