#include "pipeline/parent_spill.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

namespace firn::pipeline {
namespace {

TEST(ParentSpill, GivesRowsBackInOrderToEveryReader) {
  const auto folder = std::filesystem::temp_directory_path();
  auto spill = ParentSpill::Create(folder.string()).ValueOrDie();
  const std::string large(1 << 20, 'x');
  for (const std::string& row : {std::string("{}"), std::string(), large}) ASSERT_TRUE(spill->Append(row).ok());
  for (int pass = 0; pass < 2; ++pass) {
    auto reader = spill->Open().ValueOrDie();
    EXPECT_EQ(reader->Next({}).ValueOrDie(), "{}");
    EXPECT_EQ(reader->Next({}).ValueOrDie(), "");
    EXPECT_EQ(reader->Next({}).ValueOrDie(), large);
    EXPECT_EQ(reader->Next({}).ValueOrDie(), std::nullopt);
  }
}

TEST(ParentSpill, StoppedIsAnErrorAndNoEnd) {
  auto spill = ParentSpill::Create(std::filesystem::temp_directory_path().string()).ValueOrDie();
  ASSERT_TRUE(spill->Append("{}").ok());
  auto reader = spill->Open().ValueOrDie();
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(FaultOf(reader->Next(stop.get_token()).status()), Fault::kCancelled);
}

}  // namespace
}  // namespace firn::pipeline
