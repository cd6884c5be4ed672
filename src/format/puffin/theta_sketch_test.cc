#include "format/puffin/theta_sketch.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <vector>

namespace firn::format::puffin {
namespace {

std::string Hex(std::string_view bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (const char c : bytes) {
    out += kDigits[static_cast<uint8_t>(c) >> 4];
    out += kDigits[static_cast<uint8_t>(c) & 15];
  }
  return out;
}

std::string Long(int64_t value) {
  std::string bytes(8, '\0');
  std::memcpy(bytes.data(), &value, 8);
  return bytes;
}

// Python package datasketches 5: s = update_theta_sketch(12); s.update(…); s.compact().serialize().hex()
TEST(ThetaSketch, HashesAsDataSketchesDoes) {
  ThetaSketch three;
  for (const int64_t value : {1, 2, 3, 2, 1}) three.Add(Long(value));
  // The share of values looked at, bytes 12 to 15, is 1.0 in Java and left out in C++.
  EXPECT_EQ(Hex(three.Serialize()), "02030300001acc93030000000000803f15f97dcbbd86a105c397fc1281709d1eba40b3c1da06695d");
  EXPECT_EQ(three.Estimate(), 3);
  ThetaSketch text;
  for (const char* value : {"a", "abcdefghijklmnopqrstuvwxyz", "\xC3\x84\xC3\x96", ""}) text.Add(value);
  EXPECT_EQ(Hex(text.Serialize()), "02030300001acc93030000000000803f4b24004cc53b1a2f7fb2630ce639467817c11d528507017b");
  ThetaSketch one;
  one.Add(Long(1));
  EXPECT_EQ(Hex(one.Serialize()), "01030300003acc9315f97dcbbd86a105");
  EXPECT_EQ(Hex(ThetaSketch().Serialize()), "01030300001ecc93");
}

TEST(ThetaSketch, EstimatesMany) {
  ThetaSketch all, even, odd;
  constexpr int64_t kValues = 500'000;
  for (int64_t i = 0; i < kValues; ++i) {
    all.Add(Long(i));
    (i % 2 == 0 ? even : odd).Add(Long(i));
    odd.Add(Long(i % 1000));
  }
  even.Merge(odd);
  EXPECT_LT(std::abs(all.Estimate() - kValues), 0.05 * kValues);
  EXPECT_LT(std::abs(even.Estimate() - kValues), 0.05 * kValues);
  EXPECT_LE(all.Serialize().size(), 24 + 8 * ThetaSketch::kEntries);
}

TEST(ThetaSketch, ReadsWhatItWrites) {
  for (const int64_t count : {0, 1, 2, 4096, 4097, 100'000}) {
    ThetaSketch sketch;
    for (int64_t i = 0; i < count; ++i) sketch.Add(Long(i));
    const std::string bytes = sketch.Serialize();
    auto parsed = ThetaSketch::Parse(bytes);
    ASSERT_TRUE(parsed.ok()) << count << ": " << parsed.status().ToString();
    EXPECT_EQ(parsed->Serialize(), bytes);
    EXPECT_EQ(parsed->Estimate(), sketch.Estimate());
    for (size_t size = 0; size < std::min<size_t>(bytes.size(), 200); ++size) {
      EXPECT_FALSE(ThetaSketch::Parse(std::string_view(bytes).substr(0, size)).ok()) << count << " cut to " << size;
    }
  }
}

TEST(ThetaSketch, RefusesOthers) {
  ThetaSketch sketch;
  for (int64_t i = 0; i < 10; ++i) sketch.Add(Long(i));
  const std::string good = sketch.Serialize();
  for (const size_t at : {size_t{1}, size_t{2}, size_t{6}, size_t{8}}) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] + 1);
    EXPECT_FALSE(ThetaSketch::Parse(bad).ok()) << at;
  }
}

}  // namespace
}  // namespace firn::format::puffin
