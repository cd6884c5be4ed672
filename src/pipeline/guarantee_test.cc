#include "pipeline/guarantee.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace firn::pipeline {
namespace {

// The page is written by hand around the table that the code makes.
TEST(GuaranteePage, HoldsTheTableOfTheCode) {
  const auto page = std::filesystem::path(__FILE__).parent_path() / "../../docs/reference/guarantees.md";
  std::ifstream file(page);
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  EXPECT_NE(text.find(GuaranteeTable()), std::string::npos) << "put this into " << page << ":\n" << GuaranteeTable();
}

}  // namespace
}  // namespace firn::pipeline
