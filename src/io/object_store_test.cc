#include "io/object_store.h"

#include <arrow/buffer.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "base/clock.h"
#include "io/local_file_store.h"
#include "io/object_connect.h"
#include "io/object_server.h"
#include "io/routing_file_store.h"
#include "io/temporary_folder.h"

namespace firn::io {
namespace {

using Fault_ = ObjectServerFault;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr int64_t kSmall = int64_t{8} << 20;

class ObjectStoreTest : public testing::Test {
 protected:
  // One for all tests: the library cannot be started a second time in a process.
  static void SetUpTestSuite() { library_ = new S3Library(); }
  static void TearDownTestSuite() { delete library_; }

  void SetUp() override {
    auto server = ObjectServer::Start("bucket");
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    clock_ = *MakeSystemClock();
    ObjectConnectOptions options{.settings = {.endpoint = server_->endpoint(),
                                              .region = "us-east-1",
                                              .access_key = "key",
                                              .secret_key = "secret"},
                                 .lock_folder = folder_.path() + "/locks"};
    options.retries = {.attempts_max = 4, .delay_ms = 1, .delay_ms_max = 2, .sleep_scale = 0};
    auto files = ConnectObjectStore(*ParseObjectLocation("s3://bucket"), options, *library_, *clock_);
    ASSERT_TRUE(files.ok()) << files.status();
    files_ = *std::move(files);
  }

  Status Write(const std::string& location, std::string_view bytes) {
    ARROW_ASSIGN_OR_RAISE(auto file, files_->OpenOutput(location));
    ARROW_RETURN_NOT_OK(file->Write(bytes.data(), static_cast<int64_t>(bytes.size())));
    return file->Close();
  }

  TemporaryFolder folder_;
  std::unique_ptr<Clock> clock_;
  static inline S3Library* library_ = nullptr;
  std::unique_ptr<ObjectServer> server_;
  std::unique_ptr<FileStore> files_;
};

TEST_F(ObjectStoreTest, ASmallFileIsOneConditionalPut) {
  ASSERT_TRUE(Write("s3://bucket/a b/c=d.parquet", "bytes").ok());
  EXPECT_THAT(server_->log(), ElementsAre("PUT a b/c=d.parquet if-absent"));
  EXPECT_EQ(files_->ReadText("s3://bucket/a b/c=d.parquet").ValueOr(""), "bytes");
  EXPECT_EQ(files_->ReadText("s3a://bucket/a b/c=d.parquet").ValueOr(""), "bytes");
  EXPECT_EQ(files_->Size("s3://bucket/a b/c=d.parquet").ValueOr(-1), 5);
  EXPECT_EQ((*files_->ReadRange("s3://bucket/a b/c=d.parquet", 1, 3))->ToString(), "yte");
  EXPECT_EQ(FaultOf(files_->ReadRange("s3://bucket/a b/c=d.parquet", 3, 9).status()), Fault::kBadData);
  EXPECT_EQ(FaultOf(files_->Read("s3://bucket/a b/c=d.parquet", 4).status()), Fault::kBadData);
}

TEST_F(ObjectStoreTest, AnExistingFileIsNeverReplacedByAnOutput) {
  for (const std::string& bytes : {std::string("small"), std::string(kSmall + 1, 'x')}) {
    server_->Put("there", "old");
    const Status status = Write("s3://bucket/there", bytes);
    ASSERT_FALSE(status.ok());
    EXPECT_EQ(FaultOf(status), Fault::kConflict) << status;
    EXPECT_EQ(server_->Get("there"), "old");
  }
}

TEST_F(ObjectStoreTest, AStoreWithoutConditionsIsAskedFirst) {
  server_->set_knows_conditions(false);
  ASSERT_TRUE(Write("s3://bucket/new", "bytes").ok());
  EXPECT_EQ(FaultOf(Write("s3://bucket/new", "other")), Fault::kConflict);
  EXPECT_EQ(server_->Get("new"), "bytes");
  EXPECT_EQ(FaultOf(files_->CreateExclusive("s3://bucket/exclusive", "x")), Fault::kConfig);
}

TEST_F(ObjectStoreTest, OfSeveralCreatorsOneSucceeds) {
  for (const auto fault : {Fault_::kNone, Fault_::kAfter}) {
    const std::string name = fault == Fault_::kNone ? "one" : "one-with-faults";
    server_->FailNext("PUT", 3, fault);
    std::atomic<int> made{0}, refused{0};
    std::vector<std::jthread> threads;
    for (int i = 0; i < 6; ++i) {
      threads.emplace_back([&, i] {
        const Status status = files_->CreateExclusive("s3://bucket/" + name, std::to_string(i));
        if (status.ok()) ++made;
        if (!status.ok() && FaultOf(status) == Fault::kConflict) ++refused;
      });
    }
    threads.clear();
    EXPECT_EQ(made, 1);
    EXPECT_EQ(refused, 5);
  }
}

TEST_F(ObjectStoreTest, AppliedThenFailedAndFailedBeforeApplyingAreRepeated) {
  for (const auto fault : {Fault_::kAfter, Fault_::kBefore, Fault_::kSlowDown, Fault_::kReset, Fault_::kResetAfter}) {
    const std::string name = "file" + std::to_string(static_cast<int>(fault));
    server_->FailNext("PUT", 2, fault);
    const Status written = Write("s3://bucket/" + name, "bytes");
    ASSERT_TRUE(written.ok()) << name << ": " << written;
    EXPECT_EQ(server_->Get(name), "bytes");
    server_->FailNext("GET", 2, fault);
    server_->FailNext("HEAD", 1, fault);
    EXPECT_EQ(files_->ReadText("s3://bucket/" + name).ValueOr("?"), "bytes") << name;
    server_->FailNext("DELETE", 2, fault);
    ASSERT_TRUE(files_->Remove("s3://bucket/" + name).ok());
    EXPECT_EQ(server_->Get(name), std::nullopt);
    ASSERT_TRUE(files_->Remove("s3://bucket/" + name).ok());
  }
}

TEST_F(ObjectStoreTest, ABodyCutInTheMiddleIsReadAgain) {
  server_->Put("cut", std::string(1 << 20, 'c'));
  server_->FailNext("GET", 1, Fault_::kCutBody);
  EXPECT_EQ(files_->ReadText("s3://bucket/cut").ValueOr("?"), std::string(1 << 20, 'c'));
}

TEST_F(ObjectStoreTest, RetriesEnd) {
  server_->FailNext("", 1'000'000, Fault_::kSlowDown);
  EXPECT_EQ(FaultOf(Write("s3://bucket/x", "bytes")), Fault::kUnreachable);
  EXPECT_EQ(server_->log().size(), 4U);
  EXPECT_EQ(FaultOf(files_->ReadText("s3://bucket/x").status()), Fault::kUnreachable);
  EXPECT_EQ(server_->log().size(), 8U);
}

TEST_F(ObjectStoreTest, ALargeFileIsAnUploadThatAppearsAsAWhole) {
  const std::string bytes(3 * kSmall, 'p');
  auto file = *files_->OpenOutput("s3://bucket/large");
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(file->Write(bytes.data(), kSmall).ok());
  EXPECT_EQ(server_->Get("large"), std::nullopt);
  EXPECT_EQ(server_->num_uploads(), 1);
  ASSERT_TRUE(file->Close().ok());
  EXPECT_EQ(server_->Get("large"), bytes);
  EXPECT_EQ(server_->num_uploads(), 0);
}

TEST_F(ObjectStoreTest, ALostAnswerToTheEndOfAnUploadIsLookedUp) {
  const std::string bytes(2 * kSmall, 'p');
  server_->FailNext("COMPLETE", 1, Fault_::kAfter);  // the repetition is then answered with 404, no such upload
  const Status written = Write("s3://bucket/large", bytes);
  ASSERT_TRUE(written.ok()) << written;
  EXPECT_EQ(server_->Get("large"), bytes);
  server_->FailNext("COMPLETE", 100, Fault_::kBefore);
  EXPECT_EQ(FaultOf(Write("s3://bucket/never", bytes)), Fault::kUnreachable);
  EXPECT_EQ(server_->Get("never"), std::nullopt);
}

TEST_F(ObjectStoreTest, AnAbandonedFileLeavesNothing) {
  {
    auto small = *files_->OpenOutput("s3://bucket/small");
    auto large = *files_->OpenOutput("s3://bucket/large");
    auto aborted = *files_->OpenOutput("s3://bucket/aborted");
    const std::string bytes(2 * kSmall, 'p');
    ASSERT_TRUE(small->Write(bytes.data(), 10).ok());
    ASSERT_TRUE(large->Write(bytes.data(), 2 * kSmall).ok());
    ASSERT_TRUE(aborted->Write(bytes.data(), 2 * kSmall).ok());
    ASSERT_TRUE(aborted->Abort().ok());
    EXPECT_EQ(server_->num_uploads(), 1);
  }
  EXPECT_EQ(server_->num_uploads(), 0);
  EXPECT_TRUE(files_->List("s3://bucket/").ValueOrDie().empty());
}

TEST_F(ObjectStoreTest, ListsPagesSortedWithoutMarkersAndNotMoreThanAllowed) {
  for (int i = 0; i < 7; ++i) server_->Put("t/data/" + std::to_string(i), "x");
  server_->Put("t/data/", "");     // a folder marker of another tool
  server_->Put("t/data2/0", "x");  // the same beginning, another folder
  server_->set_page_size(3);
  const auto listed = files_->List("s3://bucket/t/data/");
  ASSERT_TRUE(listed.ok()) << listed.status();
  ASSERT_EQ(listed->size(), 7U);
  EXPECT_EQ((*listed)[0].location, "s3://bucket/t/data/0");
  EXPECT_EQ((*listed)[6].location, "s3://bucket/t/data/6");
  EXPECT_EQ((*listed)[0].size_bytes, 1);
  EXPECT_GT((*listed)[0].modified_micros, 1'600'000'000'000'000);
  EXPECT_EQ(FaultOf(files_->List("s3://bucket/t/data", 6).status()), Fault::kBadData);
  EXPECT_TRUE(files_->List("s3://bucket/none").ValueOrDie().empty());
}

TEST_F(ObjectStoreTest, ErrorsSayWhoMustAct) {
  EXPECT_TRUE(IsNotFound(files_->ReadText("s3://bucket/none").status()));
  EXPECT_TRUE(IsNotFound(files_->Size("s3://bucket/none").status()));
  EXPECT_EQ(files_->Exists("s3://bucket/none").ValueOr(true), false);
  EXPECT_EQ(FaultOf(files_->WriteAtomic("s3://absent/x", "x")), Fault::kConfig);
  server_->set_denies(true);
  EXPECT_EQ(FaultOf(files_->WriteAtomic("s3://bucket/x", "x")), Fault::kAuth);
  EXPECT_EQ(FaultOf(files_->ReadText("s3://bucket/x").status()), Fault::kAuth);
  EXPECT_EQ(FaultOf(files_->List("s3://bucket/x").status()), Fault::kAuth);
  EXPECT_EQ(FaultOf(files_->Exists("s3://bucket/x").status()), Fault::kAuth);
}

TEST_F(ObjectStoreTest, LocksAreOfThisMachineAndFolder) {
  const auto a = files_->LockOf("s3://bucket/t/a.lock");
  const auto b = files_->LockOf("s3://bucket/t/b.lock");
  ASSERT_TRUE(a.ok()) << a.status();
  EXPECT_NE(a->path, b->path);
  EXPECT_EQ(a->scope, b->scope);
  EXPECT_FALSE(a->scope.empty());
  const auto other = MakeObjectStore({.files = nullptr, .requests = nullptr, .lock_folder = folder_.path() + "/other"});
  EXPECT_NE(other->LockOf("s3://bucket/t/a.lock")->scope, a->scope);
}

TEST_F(ObjectStoreTest, RoutesByScheme) {
  RoutingFileStore files(MakeLocalFileStore());
  const std::string local = folder_.path() + "/f";
  ASSERT_TRUE(files.WriteAtomic(local, "local").ok());
  EXPECT_EQ(files.ReadText("file://" + local).ValueOr(""), "local");
  EXPECT_EQ(FaultOf(files.WriteAtomic("s3://bucket/f", "x")), Fault::kConfig);
  int opened = 0;
  files.UseOpener([&](const ObjectLocation&) -> Result<std::unique_ptr<FileStore>> {
    ++opened;
    return std::move(files_);
  });
  ASSERT_TRUE(files.WriteAtomic("s3://bucket/f", "object").ok());
  EXPECT_EQ(files.ReadText("s3://bucket/f").ValueOr(""), "object");
  EXPECT_EQ(opened, 1);
  EXPECT_EQ(server_->Get("f"), "object");
}

TEST(ObjectLocation, Parses) {
  EXPECT_EQ(ParseObjectLocation("s3://b/a/c%20d")->path(), "b/a/c%20d");
  EXPECT_EQ(ParseObjectLocation("abfss://c@a.dfs.core.windows.net/k")->account, "a.dfs.core.windows.net");
  EXPECT_EQ(ParseObjectLocation("abfss://c@a.dfs.core.windows.net/k")->Sibling("x"),
            "abfss://c@a.dfs.core.windows.net/x");
  for (const char* bad : {"s3://", "s3:///k", "s3://b/a//b", "s3://b/../c", "s3://b/a/.", "http://b/k", "s3://b/\n"}) {
    EXPECT_FALSE(ParseObjectLocation(bad).ok()) << bad;
  }
  EXPECT_TRUE(CheckNewObjectLocation("gs://b/lake").ok());
  for (const char* bad : {"s3a://b/k", "s3://b/a b", "s3://b/a%20b", "s3://b/a?b", "abfss://c/k"}) {
    EXPECT_EQ(FaultOf(CheckNewObjectLocation(bad)), Fault::kConfig) << bad;
  }
  EXPECT_EQ(WarehouseLocation("/lake"), "file:///lake");
  EXPECT_EQ(WarehouseLocation("s3://b/lake"), "s3://b/lake");
}

}  // namespace
}  // namespace firn::io
