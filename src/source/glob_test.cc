#include "source/glob.h"

#include <gtest/gtest.h>

namespace firn::source {
namespace {

bool Matches(std::string_view pattern, std::string_view path) {
  const auto glob = Glob::Parse(pattern);
  EXPECT_TRUE(glob.ok()) << glob.status();
  return glob.ok() && glob->Matches(path);
}

TEST(Glob, StarsStayWithinOnePart) {
  EXPECT_TRUE(Matches("orders/*.csv", "orders/a.csv"));
  EXPECT_TRUE(Matches("*", "a.csv"));
  EXPECT_FALSE(Matches("orders/*.csv", "orders/2024/a.csv"));
  EXPECT_FALSE(Matches("orders/*.csv", "orders/a.csv.gz"));
  EXPECT_FALSE(Matches("*", "orders/a.csv"));
  EXPECT_TRUE(Matches("a?c*e", "abcdde"));
  EXPECT_FALSE(Matches("a?c", "ac"));
}

TEST(Glob, TwoStarsTakeAnyFolders) {
  EXPECT_TRUE(Matches("**/*.csv", "a.csv"));
  EXPECT_TRUE(Matches("**/*.csv", "x/y/a.csv"));
  EXPECT_TRUE(Matches("x/**/a.csv", "x/a.csv"));
  EXPECT_TRUE(Matches("x/**", "x/y/z"));
  EXPECT_FALSE(Matches("x/**", "x"));
  EXPECT_FALSE(Matches("x/**/a.csv", "y/a.csv"));
}

TEST(Glob, ClassesAndBraces) {
  EXPECT_TRUE(Matches("[a-c][!0-9].csv", "bx.csv"));
  EXPECT_FALSE(Matches("[a-c][!0-9].csv", "b1.csv"));
  EXPECT_TRUE(Matches("{orders,items/{a,b}}/*.csv", "items/b/1.csv"));
  EXPECT_FALSE(Matches("{orders,items}/*.csv", "other/1.csv"));
  EXPECT_TRUE(Matches("a\\*b", "a*b"));
  EXPECT_FALSE(Matches("a\\*b", "axb"));
}

TEST(Glob, HiddenFilesAreTakenByNameAlone) {
  EXPECT_FALSE(Matches("*", ".a.csv"));
  EXPECT_FALSE(Matches("?a.csv", ".a.csv"));
  EXPECT_FALSE(Matches("[.x]a.csv", ".a.csv"));
  EXPECT_FALSE(Matches("**/*.csv", ".tmp/a.csv"));
  EXPECT_FALSE(Matches("**/*.csv", "x/.a.csv"));
  EXPECT_FALSE(Matches("x/**", "x/y/.z"));
  EXPECT_FALSE(Matches("*/a.csv", ".tmp/a.csv"));
  EXPECT_TRUE(Matches(".*", ".a.csv"));
  EXPECT_TRUE(Matches("\\.*", ".a.csv"));
  EXPECT_TRUE(Matches("{.,}*", ".a.csv"));
  EXPECT_TRUE(Matches("**/.tmp/*.csv", "x/.tmp/a.csv"));
  EXPECT_TRUE(Matches(".tmp/**", ".tmp/a.csv"));
}

TEST(Glob, KnowsTheFolderItLooksIn) {
  EXPECT_EQ(Glob::Parse("a/b/*.csv")->folder(), "a/b");
  EXPECT_EQ(Glob::Parse("{a/x,a/y}/*.csv")->folder(), "a");
  EXPECT_EQ(Glob::Parse("*.csv")->folder(), "");
  EXPECT_EQ(Glob::Parse("a/b.csv")->literal(), "a/b.csv");
  EXPECT_EQ(Glob::Parse("a/*.csv")->literal(), "");
}

TEST(Glob, RefusesWhatNeverEnds) {
  EXPECT_EQ(FaultOf(Glob::Parse("a[b").status()), Fault::kConfig);
  EXPECT_EQ(FaultOf(Glob::Parse("a{b,c").status()), Fault::kConfig);
  std::string many;
  for (int i = 0; i < 12; ++i) many += "{a,b}";
  EXPECT_EQ(FaultOf(Glob::Parse(many).status()), Fault::kConfig);
}

TEST(Glob, ManyStarsEndSoon) {
  EXPECT_FALSE(Matches("*a*a*a*a*a*a*a*a*a*b", std::string(2'000, 'a')));
}

}  // namespace
}  // namespace firn::source
