#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include <arrow/type_fwd.h>
#include "base/status.h"

/// From nested Arrow columns to the entries of Parquet's leaves (parquet-format, README, "Nested Encoding"). Levels are
/// made as runs, once per struct or list, and shared by all leaves below: a leaf of a struct that is null throughout
/// costs the same for any number of rows.
namespace firn::format::parquet {

/// A run of entries of a node. `level` < 0: entries with a value in the consecutive slots `start` … of the node's
/// array, counted from the array's first; else the node or one above it is absent, and `level` is the definition level.
struct Segment {
  int64_t start = 0;
  int64_t count = 0;
  int32_t level = -1;
};

/// A run of equal repetition levels.
struct RepetitionRun {
  uint32_t level = 0;
  int64_t count = 0;
};

struct Entries {
  std::vector<Segment> segments;
  std::vector<RepetitionRun> repetitions;  // of the same entries; empty where nothing repeats
  int64_t count = 0;
};

/// What one leaf takes from a batch. Borrowed from the batch and the shredder.
struct LeafEntries {
  size_t leaf = 0;  // in schema order
  const Entries* entries = nullptr;
  const std::vector<RepetitionRun>* repetitions = nullptr;  // of the innermost list; null if there is none
  int64_t shift = 0;                                        // added to `start` of the segments
  const arrow::ArrayData* values = nullptr;
};

/// A node of the schema.
struct ShredNode {
  enum class Kind { kLeaf, kStruct, kList };
  Kind kind = Kind::kLeaf;
  bool nullable = true;
  int16_t definition = 0;  // level of an entry whose node is not null; for a list: that is not null, maybe empty
  int16_t repetition = 0;  // level of the entries of the node, its own elements not counted
  size_t leaf = 0;
  std::string name;  // for messages
  std::vector<ShredNode> children;
};

/// Used by one thread; what Shred returned is valid until the next call.
class Shredder {
 public:
  /// Errors: kBug for a type that is no Iceberg type, or levels beyond 255.
  static Result<Shredder> Make(const arrow::Schema& schema);

  size_t num_leaves() const { return num_leaves_; }
  int16_t max_definition(size_t leaf) const { return leaves_[leaf].definition; }
  int16_t max_repetition(size_t leaf) const { return leaves_[leaf].repetition; }
  bool leaf_nullable(size_t leaf) const { return leaves_[leaf].nullable; }

  /// Makes the entries of rows `begin` … `begin + count - 1`: one item per leaf, in schema order.
  /// Errors: kBadData for a null in a required column.
  Result<const std::vector<LeafEntries>*> Shred(const arrow::RecordBatch& batch, int64_t begin, int64_t count);

 private:
  struct LeafInfo {
    int16_t definition = 0;
    int16_t repetition = 0;
    bool nullable = true;
  };
  struct Incoming {
    const Entries* entries;
    const std::vector<RepetitionRun>* repetitions;
    int64_t shift;
  };

  Result<ShredNode> MakeNode(const arrow::Field& field, int definition, int repetition, const std::string& place);
  Status Walk(const ShredNode& node, const arrow::ArrayData& array, Incoming incoming);
  Status WalkList(const ShredNode& node, const arrow::ArrayData& array, Incoming incoming);
  Status CheckRequired(const ShredNode& node, const arrow::ArrayData& array, const Incoming& incoming) const;

  std::vector<ShredNode> columns_;
  std::vector<LeafInfo> leaves_;
  size_t num_leaves_ = 0;
  std::deque<Entries> arena_;
  std::vector<LeafEntries> out_;
};

}  // namespace firn::format::parquet
