#include "format/parquet/run_encoding.h"

#include <arrow/memory_pool.h>
#include <gtest/gtest.h>

#include <bit>
#include <random>
#include <vector>

#include "format/parquet/bit_runs.h"

namespace firn::format::parquet {
namespace {

// The hybrid read back one bit at a time; values behind the last are padding.
std::vector<uint8_t> Decode(const Bytes& bytes, int width, size_t count) {
  std::vector<uint8_t> levels;
  int64_t at = 0;
  while (at < bytes.size()) {
    uint64_t header = 0;
    for (int shift = 0;; shift += 7) {
      const uint8_t byte = bytes[at++];
      header |= static_cast<uint64_t>(byte & 0x7F) << shift;
      if ((byte & 0x80) == 0) break;
    }
    if ((header & 1) == 0) {
      levels.insert(levels.end(), header >> 1, bytes[at++]);
      continue;
    }
    const int64_t num_bits = static_cast<int64_t>(header >> 1) * 8 * width;
    for (int64_t bit = 0; bit < num_bits; bit += width) {
      int level = 0;
      for (int i = 0; i < width; ++i) level |= (bytes[at + (bit + i) / 8] >> ((bit + i) % 8) & 1) << i;
      levels.push_back(static_cast<uint8_t>(level));
    }
    at += num_bits / 8;
  }
  EXPECT_GE(levels.size(), count);
  EXPECT_LT(levels.size(), count + 8);
  levels.resize(count);
  return levels;
}

// Runs short and long, put as bytes and as runs in turn, are what is read; however they were cut.
TEST(LevelEncoder, WritesTheSameByBytesAndByRuns) {
  const uint64_t seed = std::random_device()();
  for (uint64_t round = 0; round < 400; ++round) {
    SCOPED_TRACE("seed " + std::to_string(seed + round));
    std::mt19937_64 random(seed + round);
    const int level_max = 1 + static_cast<int>(random() % (round % 3 == 0 ? 255 : 7));
    std::vector<uint8_t> levels;
    LevelEncoder mixed(level_max, arrow::default_memory_pool());
    while (levels.size() < 500) {
      std::vector<uint8_t> piece;
      const uint64_t longest = random() % 4 == 0 ? 60 : 4;
      for (uint64_t runs = random() % 20; runs > 0; --runs) {
        piece.insert(piece.end(), 1 + random() % longest,
                     static_cast<uint8_t>(random() % static_cast<uint64_t>(level_max + 1)));
      }
      const auto size = static_cast<int64_t>(piece.size());
      levels.insert(levels.end(), piece.begin(), piece.end());
      if (random() % 3 == 0) {
        for (const uint8_t level : piece) ASSERT_TRUE(mixed.Put(level, 1).ok());
      } else {
        piece.resize(piece.size() + 8, 0xEE);  // what may be read and must not count
        ASSERT_TRUE(mixed.PutBytes(piece.data(), size).ok());
      }
    }
    ASSERT_TRUE(mixed.Finish().ok());
    ASSERT_EQ(Decode(mixed.bytes(), std::bit_width(static_cast<uint32_t>(level_max)), levels.size()), levels);
  }
}

// Rows of sparse structs repeat the same levels for long: where a piece ends must not show in the bytes.
TEST(LevelEncoder, WritesRunsAcrossPiecesAsOne) {
  LevelEncoder pieces(3, arrow::default_memory_pool()), whole(3, arrow::default_memory_pool());
  for (int piece = 0; piece < 10; ++piece) {
    std::vector<uint8_t> levels(101, 2);
    levels.resize(108);
    ASSERT_TRUE(pieces.PutBytes(levels.data(), 101).ok());
    ASSERT_TRUE(whole.Put(2, 101).ok());
  }
  ASSERT_TRUE(pieces.Finish().ok() && whole.Finish().ok());
  EXPECT_EQ(pieces.size_bytes(), whole.size_bytes());
  EXPECT_EQ(pieces.size_bytes(), 3);
}

TEST(BitRuns, VisitsEveryBitOnce) {
  const uint64_t seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (int round = 0; round < 500; ++round) {
    const auto offset = static_cast<int64_t>(random() % 70), count = static_cast<int64_t>(random() % 300);
    std::vector<uint8_t> bitmap(static_cast<size_t>((offset + count + 7) / 8));  // not a byte more: ASan watches
    const uint64_t mode = random() % 3;
    for (uint8_t& byte : bitmap) byte = static_cast<uint8_t>(mode == 0 ? random() : mode == 1 ? 0 : 0xFF);
    int64_t next = 0;
    VisitBitRuns(bitmap.data(), offset, count, [&](bool set, int64_t position, int64_t length) {
      ASSERT_EQ(position, next);
      ASSERT_GT(length, 0);
      for (int64_t i = position; i < position + length; ++i) {
        ASSERT_EQ(set, (bitmap[static_cast<size_t>((offset + i) / 8)] >> ((offset + i) % 8) & 1) != 0);
      }
      next += length;
    });
    ASSERT_EQ(next, count);
  }
}

}  // namespace
}  // namespace firn::format::parquet
