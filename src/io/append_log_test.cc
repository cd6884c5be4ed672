#include "io/append_log.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "io/temporary_folder.h"

namespace firn::io {
namespace {

using Lines = std::vector<std::string>;

Lines Read(const std::string& path) {
  Lines lines;
  const auto log = AppendLog::Open(path, 1 << 20, &lines);
  EXPECT_TRUE(log.ok()) << log.status().ToString();
  return lines;
}

TEST(AppendLog, KeepsLinesAndCutsATornOne) {
  const TemporaryFolder folder;
  const std::string path = folder.path() + "/log";
  {
    Lines none;
    auto log = AppendLog::Open(path, 1 << 20, &none);
    ASSERT_TRUE(log.ok());
    EXPECT_TRUE(none.empty());
    ASSERT_TRUE(log->Append("one").ok());
    ASSERT_TRUE(log->Append("two").ok());
  }
  std::ofstream(path, std::ios::app) << "torn";
  EXPECT_EQ(Read(path), (Lines{"one", "two"}));
  {
    Lines lines;
    auto log = AppendLog::Open(path, 1 << 20, &lines);
    ASSERT_TRUE(log->Append("three").ok());
    EXPECT_EQ(log->bytes(), 14);
  }
  EXPECT_EQ(Read(path), (Lines{"one", "two", "three"}));
  EXPECT_EQ(std::filesystem::status(path).permissions(), std::filesystem::perms(0600));
}

TEST(AppendLog, IsReplacedAtOnceAndGoesOn) {
  const TemporaryFolder folder;
  const std::string path = folder.path() + "/log";
  Lines lines;
  auto log = AppendLog::Open(path, 1 << 20, &lines);
  ASSERT_TRUE(log->Append("old").ok());
  ASSERT_TRUE(log->Rewrite({"a", "b"}).ok());
  ASSERT_TRUE(log->Append("c").ok());
  EXPECT_EQ(Read(path), (Lines{"a", "b", "c"}));
}

TEST(AppendLog, RefusesWhatIsTooLarge) {
  const TemporaryFolder folder;
  const std::string path = folder.path() + "/log";
  std::ofstream(path) << std::string(100, 'x') << "\n";
  Lines lines;
  EXPECT_EQ(FaultOf(AppendLog::Open(path, 50, &lines).status()), Fault::kBadData);
}

}  // namespace
}  // namespace firn::io
