#include "io/background_sync.h"

#include <gtest/gtest.h>

#include "io/faulty_file_store.h"
#include "io/local_file_store.h"
#include "io/power_cut_disk.h"
#include "io/temporary_folder.h"

namespace firn::io {
namespace {

constexpr int kFiles = 30;  // more than there are threads

std::string Name(const std::string& folder, int i) {
  return folder + "/" + std::to_string(i);
}

TEST(BackgroundSync, WhatWasWaitedForSurvivesAPowerCut) {
  TemporaryFolder folder;
  TemporaryFolder after;
  auto disk = PowerCutDisk::Open(folder.path()).ValueOrDie();
  auto files = MakeLocalFileStore({.disk = disk.get()});
  BackgroundSync sync(*files);
  for (int i = 0; i < kFiles; ++i) ASSERT_TRUE(sync.Write(Name(folder.path(), i), "content " + std::to_string(i)).ok());
  sync.SyncFolder(folder.path());
  ASSERT_TRUE(sync.Wait().ok());
  ASSERT_TRUE(disk->Materialise(after.path(), {}).ok());
  auto plain = MakeLocalFileStore();
  for (int i = 0; i < kFiles; ++i) {
    EXPECT_EQ(plain->ReadText(Name(after.path(), i)).ValueOr("lost"), "content " + std::to_string(i));
  }
}

TEST(BackgroundSync, AnErrorOfAnySyncIsReportedAndStays) {
  TemporaryFolder folder;
  auto files = MakeLocalFileStore();
  // Calls of a file: open, write, close; the folder is the last call.
  for (int fail_at = 1; fail_at <= 7; ++fail_at) {
    FaultyFileStore faulty(*files, {.fail_at = fail_at});
    BackgroundSync sync(faulty);
    Status written = sync.Write(Name(folder.path(), 10 * fail_at), "a");
    if (written.ok()) written = sync.Write(Name(folder.path(), 10 * fail_at + 1), "b");
    sync.SyncFolder(folder.path());
    EXPECT_FALSE(written.ok() && sync.Wait().ok()) << "call " << fail_at;
    if (written.ok()) {
      EXPECT_FALSE(sync.Wait().ok());
    }
  }
}

TEST(BackgroundSync, MayBeUsedAgainAfterWaiting) {
  TemporaryFolder folder;
  auto files = MakeLocalFileStore();
  BackgroundSync sync(*files);
  EXPECT_TRUE(sync.Wait().ok());
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(sync.Write(Name(folder.path(), i), "x").ok());
    ASSERT_TRUE(sync.Wait().ok());
  }
  EXPECT_FALSE(sync.Write(Name(folder.path(), 0), "x").ok());  // exists
}

}  // namespace
}  // namespace firn::io
