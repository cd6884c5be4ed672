#include "io/file_store.h"

#include <arrow/buffer.h>
#include <arrow/io/interfaces.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <map>

#include "base/random.h"
#include "base/task_group.h"
#include "io/faulty_file_store.h"
#include "io/local_file_store.h"
#include "io/power_cut_disk.h"
#include "io/temporary_folder.h"

namespace firn::io {
namespace {

class LocalStore : public ::testing::Test {
 protected:
  std::string At(const std::string& name) const { return folder_.path() + "/" + name; }
  TemporaryFolder folder_;
  std::unique_ptr<FileStore> store_ = MakeLocalFileStore();
};

TEST(Location, IsTakenLiterally) {
  EXPECT_EQ(PathOfLocation("/a/b%20c").ValueOrDie(), "/a/b%20c");
  EXPECT_EQ(PathOfLocation("file:///a/b%20c").ValueOrDie(), "/a/b%20c");
  EXPECT_EQ(PathOfLocation("file:/a/b").ValueOrDie(), "/a/b");
  EXPECT_EQ(PathOfLocation("file://localhost/a").ValueOrDie(), "/a");
  for (const char* bad : {"", "a/b", "file://host/a", "s3://b/k", "/a/../b", "/a/..", "file:a", "/a/./b"}) {
    EXPECT_EQ(FaultOf(PathOfLocation(bad).status()), Fault::kConfig) << bad;
  }
}

TEST(Location, WeMakeOnlyWhatAllReadersReadAlike) {
  EXPECT_EQ(FileUri("/a b/é.parquet").ValueOrDie(), "file:///a b/é.parquet");
  for (const char* bad :
       {"a", "/a%20", "/a?b", "/a#b", "/a*", "/a[1]", "/a{1}", "/a\\b", "/a\nb", "/a//b", "/a/../b"}) {
    EXPECT_EQ(FaultOf(FileUri(bad).status()), Fault::kConfig) << bad;
  }
}

TEST(Location, FolderOf) {
  EXPECT_EQ(FolderOf("file:///a/b.txt"), "file:///a");
  EXPECT_EQ(FolderOf("/a/b/"), "/a");
  EXPECT_EQ(FolderOf("/a"), "/");
  EXPECT_EQ(FolderOf("file:///a"), "file:///");
}

TEST_F(LocalStore, WritesAndReads) {
  const std::string uri = FileUri(At("t/data/x.bin")).ValueOrDie();
  auto file = store_->OpenOutput(uri).ValueOrDie();
  ASSERT_TRUE(file->Write("hello ", 6).ok());
  ASSERT_TRUE(file->Write(std::string(200'000, 'x').data(), 200'000).ok());
  EXPECT_EQ(file->Tell().ValueOrDie(), 200'006);
  ASSERT_TRUE(file->Close().ok());
  ASSERT_TRUE(file->Close().ok());
  EXPECT_EQ(store_->Size(uri).ValueOrDie(), 200'006);
  EXPECT_EQ(store_->ReadRange(uri, 0, 7).ValueOrDie()->ToString(), "hello x");
  EXPECT_EQ(store_->Read(At("t/data/x.bin")).ValueOrDie()->size(), 200'006);
  auto input = store_->OpenInput(uri).ValueOrDie();
  EXPECT_EQ(input->GetSize().ValueOrDie(), 200'006);
  EXPECT_EQ(input->ReadAt(4, 3).ValueOrDie()->ToString(), "o x");
  EXPECT_EQ(FaultOf(store_->ReadRange(uri, 200'000, 7).status()), Fault::kBadData);
  EXPECT_EQ(FaultOf(store_->Read(uri, 10).status()), Fault::kBadData);
}

TEST_F(LocalStore, AnUnclosedFileIsRemoved) {
  {
    auto file = store_->OpenOutput(At("a")).ValueOrDie();
    ASSERT_TRUE(file->Write("x", 1).ok());
  }
  EXPECT_FALSE(store_->Exists(At("a")).ValueOrDie());
  auto file = store_->OpenOutput(At("b")).ValueOrDie();
  ASSERT_TRUE(file->Abort().ok());
  EXPECT_FALSE(store_->Exists(At("b")).ValueOrDie());
}

TEST_F(LocalStore, OutputNeverOverwrites) {
  ASSERT_TRUE(store_->WriteAtomic(At("a"), "1").ok());
  EXPECT_EQ(FaultOf(store_->OpenOutput(At("a")).status()), Fault::kConflict);
  EXPECT_EQ(FaultOf(store_->CreateExclusive(At("a"), "2")), Fault::kConflict);
  EXPECT_EQ(store_->ReadText(At("a")).ValueOrDie(), "1");
  ASSERT_TRUE(store_->WriteAtomic(At("a"), "3").ok());
  EXPECT_EQ(store_->ReadText(At("a")).ValueOrDie(), "3");
  EXPECT_EQ(store_->List(folder_.path()).ValueOrDie().size(), 1u);  // no temporary file is left
}

TEST_F(LocalStore, OneOfManyExclusiveCreatorsWins) {
  TaskGroup group;
  std::atomic<int> winners{0};
  for (int i = 0; i < 8; ++i) {
    group.Spawn([&, i](std::stop_token) -> Status {
      const Status status = store_->CreateExclusive(At("deep/er/lock"), std::to_string(i));
      if (status.ok()) ++winners;
      return status.ok() || FaultOf(status) == Fault::kConflict ? Status::OK() : status;
    });
  }
  const Status status = group.Join();
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(winners, 1);
}

TEST_F(LocalStore, ListsInTheFormAsked) {
  for (const char* name : {"t/b", "t/a/c", "u"}) ASSERT_TRUE(store_->WriteAtomic(At(name), "12").ok());
  const auto files = store_->List("file://" + At("t")).ValueOrDie();
  ASSERT_EQ(files.size(), 2u);
  EXPECT_EQ(files[0].location, "file://" + At("t/a/c"));
  EXPECT_EQ(files[1].location, "file://" + At("t/b"));
  EXPECT_EQ(files[0].size_bytes, 2);
  EXPECT_GT(files[0].modified_micros, 1'600'000'000'000'000);
  EXPECT_TRUE(store_->List(At("absent")).ValueOrDie().empty());
  EXPECT_EQ(FaultOf(store_->List(folder_.path(), 2).status()), Fault::kBadData);
}

TEST_F(LocalStore, SaysWhatIsMissing) {
  EXPECT_TRUE(IsNotFound(store_->Read(At("absent")).status()));
  EXPECT_TRUE(IsNotFound(store_->Size(At("absent")).status()));
  EXPECT_FALSE(IsNotFound(Status::OK()));
  EXPECT_FALSE(store_->Exists(At("absent/x")).ValueOrDie());
  EXPECT_TRUE(store_->Remove(At("absent")).ok());
  const Status status = store_->Read(folder_.path()).status();
  EXPECT_EQ(FaultOf(status), Fault::kConfig);
  EXPECT_FALSE(IsNotFound(status));
  EXPECT_NE(status.message().find("directory"), std::string::npos) << status;
}

TEST(FileError, SaysWhoMustAct) {
  const std::pair<int, Fault> table[] = {
      {ENOSPC, Fault::kConfig}, {EDQUOT, Fault::kConfig},   {EACCES, Fault::kConfig}, {EROFS, Fault::kConfig},
      {ENOENT, Fault::kConfig}, {EEXIST, Fault::kConflict}, {EIO, Fault::kTransient}, {EMFILE, Fault::kTransient}};
  for (const auto& [number, fault] : table) {
    const Status status = FileError("write", "/x", number);
    EXPECT_EQ(FaultOf(status), fault) << status;
    EXPECT_FALSE(ContextOf(status)->why.empty());
  }
  EXPECT_EQ(FileError("write", "/x", ENOSPC).message(), "write /x: No space left on device");
  EXPECT_NE(ContextOf(FileError("write", "/x", ENOSPC))->next.find("free disk space"), std::string::npos);
}

// A disk whose n-th call fails with ENOSPC.
class FullDisk : public Disk {
 public:
  explicit FullDisk(int fail_at) : fail_at_(fail_at) {}
  int Create(const std::string& path) override { return Full() ? -1 : SystemDisk().Create(path); }
  ssize_t Write(int file, const void* bytes, size_t size) override {
    if (Full()) return -1;
    return SystemDisk().Write(file, bytes, std::min<size_t>(size, 3));  // and writes are short
  }
  int Sync(int file) override { return Full() ? -1 : SystemDisk().Sync(file); }
  int Close(int file) override { return SystemDisk().Close(file); }
  int Rename(const std::string& from, const std::string& to) override {
    return Full() ? -1 : SystemDisk().Rename(from, to);
  }
  int Link(const std::string& from, const std::string& to) override {
    return Full() ? -1 : SystemDisk().Link(from, to);
  }
  int Unlink(const std::string& path) override { return SystemDisk().Unlink(path); }
  int MakeFolder(const std::string& path) override { return Full() ? -1 : SystemDisk().MakeFolder(path); }
  int SyncFolder(const std::string& path) override { return Full() ? -1 : SystemDisk().SyncFolder(path); }
  bool Reached() const { return calls_ >= fail_at_; }

 private:
  bool Full() {
    errno = ENOSPC;
    return ++calls_ == fail_at_;
  }
  const int fail_at_;
  int calls_ = 0;
};

TEST_F(LocalStore, AFailureAtAnyCallLeavesTheOldFileOrTheNewAndNoRubbish) {
  int step = 1;
  for (bool clean = false; !clean; ++step) {
    TemporaryFolder fresh;
    const std::string path = fresh.path() + "/t/a";
    ASSERT_TRUE(store_->WriteAtomic(path, "old old").ok());
    FullDisk disk(step);
    auto store = MakeLocalFileStore({.disk = &disk});
    const Status status = store->WriteAtomic(path, "new new new");
    clean = status.ok() && !disk.Reached();
    const std::string text = store_->ReadText(path).ValueOrDie();
    EXPECT_TRUE(text == "old old" || text == "new new new") << step << " " << text;
    if (!status.ok()) {
      EXPECT_EQ(FaultOf(status), Fault::kConfig) << status;
    }
    EXPECT_EQ(store_->List(fresh.path()).ValueOrDie().size(), 1u) << step;
  }
  EXPECT_GT(step, 6);
}

TEST_F(LocalStore, FaultyStoreFailsTheNthCall) {
  FaultyFileStore faulty(*store_, {.fail_at = 3});
  EXPECT_TRUE(faulty.WriteAtomic(At("a"), "1").ok());
  auto file = faulty.OpenOutput(At("b"), {}).ValueOrDie();
  EXPECT_EQ(FaultOf(file->Write("x", 1)), Fault::kTransient);
  EXPECT_TRUE(file->Close().ok());
  EXPECT_EQ(faulty.num_calls(), 4);
  FaultyFileStore after(*store_, {.fail_at = 1,
                                  .fail_from_then_on = true,
                                  .when = FaultyFileStoreOptions::When::kAfter,
                                  .fault = Fault::kOutcomeUnknown});
  EXPECT_EQ(FaultOf(after.WriteAtomic(At("c"), "1")), Fault::kOutcomeUnknown);
  EXPECT_TRUE(store_->Exists(At("c")).ValueOrDie());
  EXPECT_FALSE(after.Exists(At("c")).ok());
}

// --- power cut ---

std::map<std::string, std::string> FilesBelow(const std::string& root) {
  std::map<std::string, std::string> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
    if (!entry.is_regular_file()) continue;
    std::ifstream in(entry.path(), std::ios::binary);
    files[entry.path().string().substr(root.size() + 1)] = std::string(std::istreambuf_iterator<char>(in), {});
  }
  return files;
}

class PowerCutTest : public LocalStore {
 protected:
  std::map<std::string, std::string> Crash(PowerCutOptions options = {}) {
    TemporaryFolder after;
    const Status status = disk_->Materialise(after.path(), options);
    EXPECT_TRUE(status.ok()) << status;
    return FilesBelow(after.path());
  }
  using Files = std::map<std::string, std::string>;
  std::unique_ptr<PowerCutDisk> disk_ = PowerCutDisk::Open(folder_.path()).ValueOrDie();
  std::unique_ptr<FileStore> cut_ = MakeLocalFileStore({.disk = disk_.get()});
};

TEST_F(PowerCutTest, WhatTheStoreCallsDurableSurvives) {
  ASSERT_TRUE(cut_->WriteAtomic(At("t/metadata/hint"), "1").ok());
  ASSERT_TRUE(cut_->CreateExclusive(At("t/metadata/v1"), "one").ok());
  auto file = cut_->OpenOutput(At("t/data/deep/x")).ValueOrDie();
  ASSERT_TRUE(file->Write("rows", 4).ok());
  ASSERT_TRUE(file->Close().ok());
  ASSERT_TRUE(cut_->WriteAtomic(At("t/metadata/hint"), "2").ok());
  const Files expected = {{"t/data/deep/x", "rows"}, {"t/metadata/hint", "2"}, {"t/metadata/v1", "one"}};
  EXPECT_EQ(Crash(), expected);
  for (uint64_t seed = 1; seed <= 50; ++seed) {  // a temporary name may come back, nothing else may differ
    Files files = Crash({.mode = PowerCut::kRandom, .seed = seed});
    std::erase_if(files, [](const auto& entry) { return entry.first.ends_with(".tmp"); });
    EXPECT_EQ(files, expected) << "seed " << seed;
  }
}

TEST_F(PowerCutTest, WhatWasNotSyncedIsLost) {
  auto open = cut_->OpenOutput(At("open")).ValueOrDie();
  ASSERT_TRUE(open->Write("abc", 3).ok());
  ASSERT_TRUE(open->Flush().ok());
  auto loose = cut_->OpenOutput(At("loose"), {.durability = Durability::kNone}).ValueOrDie();
  ASSERT_TRUE(loose->Write("abc", 3).ok());
  ASSERT_TRUE(loose->Close().ok());
  auto file_only = cut_->OpenOutput(At("file_only"), {.durability = Durability::kFileOnly}).ValueOrDie();
  ASSERT_TRUE(file_only->Write("abc", 3).ok());
  ASSERT_TRUE(file_only->Close().ok());
  EXPECT_EQ(Crash(), Files{});
  const Files torn = Crash({.mode = PowerCut::kEntriesWithoutData});
  EXPECT_EQ(torn, (Files{{"file_only", "abc"}, {"loose", ""}, {"open", ""}}));
  ASSERT_TRUE(cut_->SyncFolder(folder_.path()).ok());
  EXPECT_EQ(Crash(), torn);
}

TEST_F(PowerCutTest, RemovedFilesMayComeBackAndForeignFilesCanBeKept) {
  ASSERT_TRUE(cut_->WriteAtomic(At("a"), "1").ok());
  ASSERT_TRUE(cut_->Remove(At("a")).ok());
  std::ofstream(At("foreign.db")) << "db";
  EXPECT_EQ(Crash(), (Files{{"a", "1"}}));
  EXPECT_EQ(Crash({.copy_unknown = true}), (Files{{"a", "1"}, {"foreign.db", "db"}}));
}

TEST_F(PowerCutTest, TheSeededBugIsNoticed) {
  ::setenv("FIRN_SEEDED_BUG", "no_fsync", 1);
  ASSERT_TRUE(cut_->WriteAtomic(At("a"), "1").ok());
  ::unsetenv("FIRN_SEEDED_BUG");
  EXPECT_EQ(Crash(), Files{});
}

}  // namespace
}  // namespace firn::io
