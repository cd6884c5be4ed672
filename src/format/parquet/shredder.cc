#include "format/parquet/shredder.h"

#include <arrow/array/data.h>
#include <arrow/extension_type.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <arrow/util/bit_util.h>
#include <arrow/util/bitmap_ops.h>

#include <algorithm>
#include <utility>

#include "format/parquet/bit_runs.h"

namespace firn::format::parquet {

namespace {

constexpr int kLevelMax = 255;

/// The bitmap of nulls, null if the array has none.
const uint8_t* NullBitmap(const arrow::ArrayData& array) {
  if (array.buffers[0] == nullptr || array.null_count == 0) return nullptr;
  return array.buffers[0]->data();
}

void AddSegment(Entries* entries, Segment segment) {
  if (segment.count == 0) return;
  entries->count += segment.count;
  if (!entries->segments.empty()) {
    Segment& last = entries->segments.back();
    const bool follows = segment.level >= 0 || last.start + last.count == segment.start;
    if (last.level == segment.level && follows) {
      last.count += segment.count;
      return;
    }
  }
  entries->segments.push_back(segment);
}

void AddRepetition(Entries* entries, uint32_t level, int64_t count) {
  if (count == 0) return;
  if (!entries->repetitions.empty() && entries->repetitions.back().level == level) {
    entries->repetitions.back().count += count;
  } else {
    entries->repetitions.push_back({level, count});
  }
}

/// Hands out the repetition levels of entries in order; zeros without runs.
class RepetitionCursor {
 public:
  explicit RepetitionCursor(const std::vector<RepetitionRun>* runs) : runs_(runs) {}
  uint32_t Next() {
    if (runs_ == nullptr) return 0;
    while (used_ == (*runs_)[run_].count) Step();
    ++used_;
    return (*runs_)[run_].level;
  }
  /// Copies the levels of `count` entries.
  void Copy(int64_t count, Entries* out) {
    if (runs_ == nullptr) return AddRepetition(out, 0, count);
    while (count > 0) {
      const int64_t take = std::min(count, (*runs_)[run_].count - used_);
      AddRepetition(out, (*runs_)[run_].level, take);
      used_ += take;
      count -= take;
      if (count > 0) Step();
    }
  }

 private:
  void Step() {
    ++run_;
    used_ = 0;
  }
  const std::vector<RepetitionRun>* runs_;
  size_t run_ = 0;
  int64_t used_ = 0;
};

}  // namespace

Result<Shredder> Shredder::Make(const arrow::Schema& schema) {
  Shredder shredder;
  for (const auto& field : schema.fields()) {
    ARROW_ASSIGN_OR_RAISE(auto node, shredder.MakeNode(*field, 0, 0, field->name()));
    shredder.columns_.push_back(std::move(node));
  }
  shredder.out_.reserve(shredder.num_leaves_);
  return shredder;
}

Result<ShredNode> Shredder::MakeNode(const arrow::Field& field, int definition, int repetition,
                                     const std::string& place) {
  ShredNode node{.nullable = field.nullable(), .name = place};
  definition += field.nullable();
  if (definition > kLevelMax - 2) {
    return MakeError(Fault::kConfig, "column is nested deeper than 255 levels: " + place.substr(0, 200));
  }
  node.definition = static_cast<int16_t>(definition);
  node.repetition = static_cast<int16_t>(repetition);
  switch (field.type()->id()) {
    case arrow::Type::STRUCT:
      node.kind = ShredNode::Kind::kStruct;
      for (const auto& child : field.type()->fields()) {
        ARROW_ASSIGN_OR_RAISE(auto made, MakeNode(*child, definition, repetition, place + "." + child->name()));
        node.children.push_back(std::move(made));
      }
      return node;
    case arrow::Type::LIST:
    case arrow::Type::MAP: {
      node.kind = ShredNode::Kind::kList;
      const auto& element = field.type()->field(0);
      ARROW_ASSIGN_OR_RAISE(auto made,
                            MakeNode(*element, definition + 1, repetition + 1, place + "." + element->name()));
      node.children.push_back(std::move(made));
      return node;
    }
    default:
      node.leaf = num_leaves_++;
      leaves_.push_back({node.definition, node.repetition, node.nullable});
      return node;
  }
}

Result<const std::vector<LeafEntries>*> Shredder::Shred(const arrow::RecordBatch& batch, int64_t begin, int64_t count) {
  arena_.clear();
  out_.clear();
  Entries& rows = arena_.emplace_back();
  AddSegment(&rows, {.start = begin, .count = count});
  for (int i = 0; i < batch.num_columns(); ++i) {
    ARROW_RETURN_NOT_OK(Walk(columns_[static_cast<size_t>(i)], *batch.column_data(i), {&rows, nullptr, 0}));
  }
  return &out_;
}

Status Shredder::CheckRequired(const ShredNode& node, const arrow::ArrayData& array, const Incoming& incoming) const {
  const uint8_t* bitmap = NullBitmap(array);
  if (node.nullable || bitmap == nullptr) return Status::OK();
  for (const Segment& segment : incoming.entries->segments) {
    if (segment.level >= 0) continue;
    const int64_t start = array.offset + incoming.shift + segment.start;
    if (arrow::internal::CountSetBits(bitmap, start, segment.count) == segment.count) continue;
    return MakeError(Fault::kBadData, "null in the required column " + node.name);
  }
  return Status::OK();
}

Status Shredder::Walk(const ShredNode& node, const arrow::ArrayData& array, Incoming incoming) {
  ARROW_RETURN_NOT_OK(CheckRequired(node, array, incoming));
  if (node.kind == ShredNode::Kind::kLeaf) {
    out_.push_back({node.leaf, incoming.entries, incoming.repetitions, incoming.shift, &array});
    return Status::OK();
  }
  if (node.kind == ShredNode::Kind::kList) return WalkList(node, array, incoming);
  const uint8_t* bitmap = node.nullable ? NullBitmap(array) : nullptr;
  if (bitmap != nullptr) {
    Entries& inner = arena_.emplace_back();
    for (const Segment& segment : incoming.entries->segments) {
      if (segment.level >= 0) {
        AddSegment(&inner, segment);
        continue;
      }
      const int64_t first = segment.start + incoming.shift;
      VisitBitRuns(bitmap, array.offset + first, segment.count, [&](bool valid, int64_t position, int64_t length) {
        AddSegment(&inner,
                   {.start = valid ? first + position : 0, .count = length, .level = valid ? -1 : node.definition - 1});
      });
    }
    incoming.entries = &inner;
    incoming.shift = 0;
  }
  incoming.shift += array.offset;  // the children do not know of the struct's offset
  for (size_t i = 0; i < node.children.size(); ++i) {
    ARROW_RETURN_NOT_OK(Walk(node.children[i], *array.child_data[i], incoming));
  }
  return Status::OK();
}

Status Shredder::WalkList(const ShredNode& node, const arrow::ArrayData& array, Incoming incoming) {
  const uint8_t* bitmap = node.nullable ? NullBitmap(array) : nullptr;
  const auto* offsets = array.GetValues<int32_t>(1);
  const auto repeated = static_cast<uint32_t>(node.repetition + 1);
  Entries& inner = arena_.emplace_back();
  RepetitionCursor cursor(incoming.repetitions);
  for (const Segment& segment : incoming.entries->segments) {
    if (segment.level >= 0) {
      AddSegment(&inner, segment);
      cursor.Copy(segment.count, &inner);
      continue;
    }
    const int64_t first = segment.start + incoming.shift;
    for (int64_t i = first; i < first + segment.count; ++i) {
      const uint32_t begins = cursor.Next();
      const bool valid = bitmap == nullptr || arrow::bit_util::GetBit(bitmap, array.offset + i);
      const int64_t length = valid ? offsets[i + 1] - offsets[i] : 0;
      if (length == 0) {
        AddSegment(&inner, {.count = 1, .level = valid ? node.definition : node.definition - 1});
      } else {
        AddSegment(&inner, {.start = offsets[i], .count = length});
      }
      AddRepetition(&inner, begins, 1);
      AddRepetition(&inner, repeated, length - 1 < 0 ? 0 : length - 1);
    }
  }
  return Walk(node.children[0], *array.child_data[0], {&inner, &inner.repetitions, 0});
}

}  // namespace firn::format::parquet
