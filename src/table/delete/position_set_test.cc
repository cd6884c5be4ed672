#include "table/delete/position_set.h"

#include <gtest/gtest.h>

#include <random>
#include <set>
#include <string>

namespace firn::table {
namespace {

using namespace std::string_literals;

std::vector<int64_t> AllOf(const PositionSet& set) {
  std::vector<int64_t> positions;
  set.PositionsIn(0, set.Max().value_or(-1) + 1, &positions);
  return positions;
}

std::string Hex(const std::string& bytes) {
  std::string hex;
  for (const char byte : bytes) {
    hex += "0123456789abcdef"[static_cast<uint8_t>(byte) >> 4];
    hex += "0123456789abcdef"[static_cast<uint8_t>(byte) & 15];
  }
  return hex;
}

std::string Error(const std::string& bytes) {
  const auto parsed = PositionSet::Parse(bytes);
  if (parsed.ok()) return "ok";
  EXPECT_EQ(FaultOf(parsed.status()), Fault::kBadData);
  return parsed.status().message();
}

TEST(PositionSet, HoldsPositionsOfSeveralUpperHalves) {
  const std::vector<int64_t> positions = {
      0, 5, 0xFFFFFFFF, int64_t{1} << 32, (int64_t{7} << 32) + 9, PositionSet::kPositionMax};
  PositionSet set;
  for (auto position = positions.rbegin(); position != positions.rend(); ++position) set.Add(*position);
  set.Add(5);
  EXPECT_EQ(set.cardinality(), 6);
  EXPECT_EQ(set.Max(), PositionSet::kPositionMax);
  EXPECT_TRUE(set.Contains(int64_t{1} << 32));
  EXPECT_FALSE(set.Contains(1));
  EXPECT_FALSE(set.Contains(-1));
  EXPECT_EQ(set.CountIn(5, int64_t{1} << 32), 2);
  EXPECT_EQ(set.CountIn(6, (int64_t{1} << 32) + 1), 2);
  EXPECT_EQ(set.CountIn(6, 6), 0);
  std::vector<int64_t> part;
  set.PositionsIn(1, (int64_t{7} << 32) + 10, &part);
  EXPECT_EQ(part, std::vector<int64_t>(positions.begin() + 1, positions.end() - 1));
  EXPECT_EQ(PositionSet::Parse(set.Serialize()).ValueOrDie(), set);
  PositionSet copy = set;
  copy.Add(6);
  EXPECT_FALSE(copy == set);
  EXPECT_FALSE(set.Contains(6));
}

// RoaringFormatSpec by hand: one bitmap with key 0; cookie 12346, one container with key 0 and cardinality 3, its
// offset 16, the array 1, 3, 65535.
TEST(PositionSet, WritesThePortableFormat) {
  EXPECT_EQ(Hex(PositionSet::Of(std::vector<int64_t>{1, 3, 65535}).Serialize()),
            "0100000000000000"
            "00000000"
            "3a30000001000000"
            "00000200"
            "10000000"
            "01000300ffff");
  EXPECT_EQ(Hex(PositionSet().Serialize()), "0000000000000000");
  PositionSet run;
  run.AddRange(10, 1000);  // cookie 12347 | 0 << 16, run flag, key 0, cardinality - 1, one run: 10, 989
  EXPECT_EQ(Hex(run.Serialize()),
            "010000000000000000000000"
            "3b300000"
            "01"
            "0000dd03"
            "0100"
            "0a00dd03");
}

// Java's implementation writes a bitmap, empty or not, for every key up to the largest.
TEST(PositionSet, ReadsEmptyBitmapsBetweenKeys) {
  const auto set = PositionSet::Parse("\2\0\0\0\0\0\0\0"s + "\0\0\0\0"s + "\x3a\x30\0\0\0\0\0\0"s + "\1\0\0\0"s +
                                      "\x3a\x30\0\0\1\0\0\0\0\0\0\0\x10\0\0\0\x07\0"s);
  ASSERT_TRUE(set.ok()) << set.status().ToString();
  EXPECT_EQ(AllOf(*set), (std::vector<int64_t>{(int64_t{1} << 32) + 7}));
}

TEST(PositionSet, EqualsAPlainSet) {
  const uint64_t seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (int round = 0; round < 40; ++round) {
    std::set<int64_t> model;
    PositionSet set;
    const int64_t range = int64_t{1} << (random() % 34 + 1);
    for (int i = 0; i < 300; ++i) {
      const auto position = static_cast<int64_t>(random() % static_cast<uint64_t>(range));
      const int64_t length = random() % 4 == 0 ? static_cast<int64_t>(random() % 300) : 1;
      set.AddRange(position, position + length);
      for (int64_t j = 0; j < length; ++j) model.insert(position + j);
    }
    EXPECT_EQ(AllOf(set), std::vector<int64_t>(model.begin(), model.end()));
    const auto begin = static_cast<int64_t>(random() % static_cast<uint64_t>(range)), end = begin + range / 3;
    EXPECT_EQ(set.CountIn(begin, end), std::distance(model.lower_bound(begin), model.lower_bound(end)));
    const auto again = PositionSet::Parse(set.Serialize());
    ASSERT_TRUE(again.ok()) << again.status().ToString();
    EXPECT_EQ(*again, set);
    PositionSet both = PositionSet::Of(std::vector<int64_t>{0, range});
    both.Union(set);
    model.insert({0, range});
    EXPECT_EQ(AllOf(both), std::vector<int64_t>(model.begin(), model.end()));
  }
}

TEST(PositionSet, NamesWhatIsWrongWithTheBytes) {
  const auto one = [](const std::string& bitmap) { return "\1\0\0\0\0\0\0\0\0\0\0\0"s + bitmap; };
  EXPECT_NE(Error("\1\0\0"s).find("too short"), std::string::npos);
  EXPECT_NE(Error("\1\0\0\0\0\0\0\0"s).find("fewer"), std::string::npos);
  EXPECT_NE(Error("\xff\xff\xff\xff\xff\xff\xff\xff"s).find("fewer"), std::string::npos);
  EXPECT_NE(Error("\0\0\0\0\0\0\0\0x"s).find("after the last"), std::string::npos);
  EXPECT_NE(Error("\1\0\0\0\0\0\0\0\xff\xff\xff\xff"s).find("too large"), std::string::npos);
  EXPECT_NE(Error(one("\0\0\0\0")).find("ends early"), std::string::npos);
  EXPECT_NE(Error(one("\x39\x30\0\0"s)).find("unknown cookie"), std::string::npos);
  EXPECT_NE(Error(one("\x3a\x30\0\0\xff\xff\xff\xff"s)).find("too many"), std::string::npos);
  const std::string head = "\x3a\x30\0\0\1\0\0\0\0\0\1\0\x10\0\0\0"s;  // array of two
  EXPECT_EQ(Error(one(head + "\1\0\2\0"s)), "ok");
  EXPECT_NE(Error(one(head + "\2\0\1\0"s)).find("out of order"), std::string::npos);
  EXPECT_NE(Error(one(head + "\2\0\2\0"s)).find("out of order"), std::string::npos);
  EXPECT_NE(Error(one(head + "\2\0"s)).find("ends early"), std::string::npos);
  const std::string run = "\x3b\x30\0\0\1\0\0\x03\0"s;  // of four values
  EXPECT_EQ(Error(one(run + "\1\0\0\0\3\0"s)), "ok");
  EXPECT_NE(Error(one(run + "\1\0\0\0\4\0"s)).find("cardinality"), std::string::npos);
  EXPECT_NE(Error(one(run + "\2\0\0\0\1\0\1\0\1\0"s)).find("overlap"), std::string::npos);
  EXPECT_NE(Error(one(run + "\1\0\xfd\xff\3\0"s)).find("pass the end"), std::string::npos);
}

TEST(PositionSet, SurvivesEveryTruncationAndBitFlip) {
  PositionSet set = PositionSet::Of(std::vector<int64_t>{1, 5, 9, int64_t{3} << 32});
  set.AddRange(100'000, 170'000);
  for (int64_t i = 0; i < 5000; ++i) set.Add(300'000 + 3 * i);
  const std::string bytes = set.Serialize();
  for (size_t size = 0; size < bytes.size(); size += size < 300 ? 1 : 61) {
    EXPECT_NE(Error(bytes.substr(0, size)), "ok") << size;
  }
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    if (bit > 2400 && bit % 499 != 0) continue;  // the header and the first containers, then samples
    std::string flipped = bytes;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    const auto parsed = PositionSet::Parse(flipped);
    if (!parsed.ok()) continue;
    const auto positions = AllOf(*parsed);
    EXPECT_EQ(static_cast<int64_t>(positions.size()), parsed->cardinality());
    EXPECT_TRUE(std::is_sorted(positions.begin(), positions.end()));
  }
}

}  // namespace
}  // namespace firn::table
