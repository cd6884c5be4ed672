#include "pipeline/guarantee.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace firn::pipeline {
namespace {

// The page is written by hand around the table that the code makes.
TEST(Guarantee, SaysForEachDispositionWhatShiftingPagesDo) {
  using config::WriteDisposition;
  const source::TableTraits shifting{.guarantee_note = "pages shift"};
  const auto of = [](WriteDisposition disposition, const source::TableTraits& traits) {
    config::TableConfig table;
    table.write_disposition = disposition;
    table.primary_key = {"id"};
    table.incremental.emplace();
    return GuaranteeOf(table, traits);
  };
  const auto has = [](const Guarantee& guarantee, const char* text) {
    return guarantee.why.find(text) != std::string::npos;
  };
  const Guarantee merge = of(WriteDisposition::kMerge, shifting);
  EXPECT_TRUE(has(merge, "pages shift: a row can be missed until it changes again, none is doubled")) << merge.why;
  EXPECT_TRUE(has(of(WriteDisposition::kReplace, shifting), "missed or doubled until the next load"));
  const Guarantee append = of(WriteDisposition::kAppend, shifting);
  EXPECT_TRUE(has(append, "a row can be missed or doubled"));
  EXPECT_EQ(append.level, Guarantee::Level::kAtLeastOnce);
  EXPECT_FALSE(has(of(WriteDisposition::kMerge, {}), "missed"));
  EXPECT_EQ(of(WriteDisposition::kAppend, {}).level, Guarantee::Level::kExactlyOnce);
}

TEST(GuaranteePage, HoldsTheTableOfTheCode) {
  const auto page = std::filesystem::path(__FILE__).parent_path() / "../../docs/reference/guarantees.md";
  std::ifstream file(page);
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  EXPECT_NE(text.find(GuaranteeTable()), std::string::npos) << "put this into " << page << ":\n" << GuaranteeTable();
}

}  // namespace
}  // namespace firn::pipeline
