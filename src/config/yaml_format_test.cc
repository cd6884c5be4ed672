#include "config/yaml_format.h"

#include <gtest/gtest.h>

#include <random>

namespace firn::config {
namespace {

std::string Formatted(const std::string& text) {
  const auto formatted = FormatYaml(text);
  return formatted.ok() ? *formatted : formatted.status().message();
}

TEST(FormatYaml, IndentsByTwo) {
  EXPECT_EQ(Formatted("a:\n    b: 1\n    c:\n          d: 2\n"), "a:\n  b: 1\n  c:\n    d: 2\n");
  EXPECT_EQ(Formatted("a:\n- 1\n-   b: 2\n    c: 3\n"), "a:\n  - 1\n  -   b: 2\n      c: 3\n");
  EXPECT_EQ(Formatted("- - 1\n  - 2\n- 3\n"), "- - 1\n  - 2\n- 3\n");
}

TEST(FormatYaml, CommentsMoveWithTheLineTheyStandBy) {
  EXPECT_EQ(Formatted("a:\n    b: 1\n    # c: 2\nd: 3\n"), "a:\n  b: 1\n  # c: 2\nd: 3\n");
  EXPECT_EQ(Formatted("# top\na:\n      # of b\n      b: 1   # why\n    # of c\n\nc: 2\n# end\n"),
            "# top\na:\n  # of b\n  b: 1   # why\n# of c\n\nc: 2\n# end\n");
}

TEST(FormatYaml, EmptyLinesAndLineEnds) {
  EXPECT_EQ(Formatted("\n\na: 1  \r\n\r\n\n\nb: 2"), "a: 1\n\nb: 2\n");
  EXPECT_EQ(Formatted(""), "");
}

TEST(FormatYaml, ValuesOfSeveralLinesMoveWithTheirFirst) {
  EXPECT_EQ(Formatted("a:\n    b: |\n        x  \n\n          y\n    c: {d: 1,\n        e: 2}\n"),
            "a:\n  b: |\n      x  \n\n        y\n  c: {d: 1,\n      e: 2}\n");
  EXPECT_EQ(Formatted("a:\n    b: \"x\n\n      y\"\n    c: >-\n      one\n      two\n"),
            "a:\n  b: \"x\n\n    y\"\n  c: >-\n    one\n    two\n");
}

TEST(FormatYaml, OtherLineEnds) {
  for (const char* const text :
       {"##\n  of :\n\n\r ", "a: 1\r\r-   d: |\n   ", "a: \"x\xE2\x80\xA8y\"\n", "a: 1\xC2\x85"}) {
    EXPECT_EQ(FaultOf(FormatYaml(text).status()), Fault::kConfig);
  }
  EXPECT_EQ(Formatted("a: \"x\r\n  y\"\r\n"), "a: \"x\n  y\"\n");
}

TEST(FormatYaml, WhatIsNoYamlIsRefused) {
  EXPECT_EQ(FaultOf(FormatYaml("a: [1\n").status()), Fault::kConfig);
  EXPECT_EQ(FaultOf(FormatYaml("a: 1\n---\nb: 2\n").status()), Fault::kConfig);
}

// Whatever is laid out is the same tree (FormatYaml itself refuses otherwise), and laying out again changes nothing.
TEST(FormatYaml, IsIdempotent) {
  const uint32_t seed = std::random_device()();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  const auto pick = [&](uint32_t n) { return static_cast<uint32_t>(random() % n); };
  int formatted = 0;
  for (int round = 0; round < 2'000; ++round) {
    std::string text;
    std::vector<size_t> indents = {0};
    for (uint32_t line = 0; line < 12; ++line) {
      if (pick(3) == 0 && indents.size() > 1) indents.pop_back();
      const std::string at(indents.back(), ' '), key = at + "k" + std::to_string(line);
      switch (pick(6)) {
        case 0:
          text += key + ":";
          indents.push_back(indents.back() + 1 + pick(5));
          break;
        case 1:
          text += at + "- k" + std::to_string(line) + ": v";
          break;
        case 2:
          text += std::string(pick(6), ' ') + "# note";
          break;
        case 3:
          text += key + ": |\n" + at + "   text \n\n" + at + "     more";
          break;
        case 4:
          text += key + ": {a: 1,\n" + at + "  b: [2,\n 3]}";
          break;
        default:
          text += pick(2) == 0 ? "" : key + ": \"v\n\n" + at + "  w\"";
      }
      text += "\n";
    }
    const auto once = FormatYaml(text);
    if (!once.ok()) continue;  // what was made up is no YAML
    ++formatted;
    EXPECT_EQ(Formatted(*once), *once) << text;
  }
  EXPECT_GT(formatted, 20);
}

}  // namespace
}  // namespace firn::config
