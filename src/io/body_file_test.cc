#include "io/body_file.h"

#include <arrow/buffer.h>
#include <arrow/io/interfaces.h>
#include <arrow/memory_pool.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "io/body_buffer.h"
#include "io/temporary_folder.h"

namespace firn::io {
namespace {

std::string TextOf(const BodyFile& file) {
  const auto input = file.Open().ValueOrDie();
  return input->ReadAt(0, file.size() + 1).ValueOrDie()->ToString();
}

TEST(BodyFile, HoldsWhatCameSinceItWasCleared) {
  const TemporaryFolder folder;
  const auto file = BodyFile::Create(folder.path(), 100).ValueOrDie();
  ASSERT_TRUE(file->Append("half of an ans").ok());
  ASSERT_TRUE(file->Clear().ok());
  ASSERT_TRUE(file->Append("a whole ").ok());
  ASSERT_TRUE(file->Append("answer").ok());
  EXPECT_EQ(file->size(), 14);
  EXPECT_EQ(TextOf(*file), "a whole answer");
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));  // nothing is left of it after a crash
}

TEST(BodyFile, SaysWhereNoneCanBe) {
  const auto file = BodyFile::Create("/nowhere/at/all", 100);
  ASSERT_FALSE(file.ok());
  EXPECT_EQ(FaultOf(file.status()), Fault::kConfig);
}

TEST(BodyFile, TakesABodyOfAnyPieces) {
  const TemporaryFolder folder;
  constexpr int64_t kBytes = int64_t{5} << 20;
  const auto file = BodyFile::Create(folder.path(), kBytes).ValueOrDie();
  BodyBuffer body(1, arrow::default_memory_pool());
  body.GoTo(*file);
  std::string all;
  for (int piece = 0; static_cast<int64_t>(all.size()) < kBytes; ++piece) {
    std::string text(std::min<size_t>(size_t{1} << (piece % 21), kBytes - all.size()),
                     static_cast<char>('a' + piece % 26));
    ASSERT_TRUE(body.Append(text).ok());
    all += text;
  }
  EXPECT_EQ(body.size(), kBytes);
  EXPECT_EQ(body.Append("x").ok(), false);  // over the limit
  BodyBuffer again(1, arrow::default_memory_pool());
  again.GoTo(*file);
  ASSERT_TRUE(file->Clear().ok());
  ASSERT_TRUE(again.Append(all).ok());
  EXPECT_EQ(again.Finish().ValueOrDie()->size(), 0);
  EXPECT_EQ(TextOf(*file), all);
}

}  // namespace
}  // namespace firn::io
