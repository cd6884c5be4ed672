#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace firn::table {

/// Row positions of one data file, as 64-bit Roaring: one 32-bit bitmap per upper half of the position. A value;
/// copies are deep. Const methods may be called by several threads at once.
class PositionSet {
 public:
  /// Java's implementation, and so every reader of deletion vectors, stops here: 2^31 - 1 bitmaps.
  static constexpr int64_t kPositionMax = (int64_t{0x7FFFFFFE} << 32) | int64_t{0xFFFFFFFF};

  PositionSet();
  ~PositionSet();
  PositionSet(const PositionSet& other);
  PositionSet& operator=(const PositionSet& other);
  PositionSet(PositionSet&& other) noexcept;
  PositionSet& operator=(PositionSet&& other) noexcept;
  static PositionSet Of(std::span<const int64_t> positions);

  /// Adds positions in 0 … kPositionMax, in any order. Sorted runs are fastest.
  void Add(int64_t position) { AddMany({&position, 1}); }
  void AddMany(std::span<const int64_t> positions);
  /// Adds `begin` … `end` - 1.
  void AddRange(int64_t begin, int64_t end);
  void Union(const PositionSet& other);

  bool empty() const { return bitmaps_.empty(); }
  bool Contains(int64_t position) const;
  int64_t cardinality() const;
  /// How many positions are in `begin` … `end` - 1.
  int64_t CountIn(int64_t begin, int64_t end) const;
  /// Appends the positions in `begin` … `end` - 1, ascending.
  void PositionsIn(int64_t begin, int64_t end, std::vector<int64_t>* out) const;
  /// The largest position; nullopt if empty.
  std::optional<int64_t> Max() const;
  /// Bytes of memory, roughly (the serialised size).
  int64_t memory_bytes() const;

  /// Serialises in the portable format (RoaringFormatSpec, "Extension for 64-bit implementations"): int64 LE number of
  /// bitmaps, then per bitmap, ascending, int32 LE upper half and the portable 32-bit bitmap. Runs are compressed.
  std::string Serialize() const;
  /// Parses the same. Every container is checked (order, cardinality, bounds) before it is used.
  /// Errors: kBadData, with the byte offset.
  static Result<PositionSet> Parse(std::string_view bytes);

  friend bool operator==(const PositionSet& a, const PositionSet& b);

 private:
  class Bitmap;  // of CRoaring
  Bitmap& At(uint32_t high);

  std::map<uint32_t, std::unique_ptr<Bitmap>> bitmaps_;  // by the upper half; none is empty
};

}  // namespace firn::table
