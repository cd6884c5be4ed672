#pragma once

#include <arrow/type_fwd.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace firn::format::json {

/// The offsets of all structural characters ({}[]:,), string starts and scalar starts of a body, ascending: stage 1 of
/// simdjson. UTF-8, closed strings and control characters in strings are checked by it; grammar, numbers, literals and
/// escapes are not (structural_walker.h does that).
class StructuralIndex {
 public:
  /// Bytes behind the body that must be readable and zero.
  static constexpr size_t kPadding = 64;

  enum class Problem { kNone, kEmpty, kInvalidUtf8, kControlCharacter, kUnclosedString, kTooLarge, kOther };

  struct Broken {
    uint32_t begin = 0;  // of the line, without surrounding whitespace
    uint32_t end = 0;
    Problem problem = Problem::kNone;
  };

  /// `pool`: where the offsets live.
  explicit StructuralIndex(arrow::MemoryPool* pool);
  ~StructuralIndex();
  StructuralIndex(const StructuralIndex&) = delete;
  StructuralIndex& operator=(const StructuralIndex&) = delete;

  /// Indexes the whole body. After kInvalidUtf8 and kControlCharacter the offsets are still complete. kOther: out of
  /// memory.
  Problem Build(std::string_view body);
  /// Indexes line by line, so that a broken line costs only itself. Returns the broken lines; a whitespace byte
  /// in front of each stands in the index for it.
  Result<std::vector<Broken>> BuildLines(std::string_view body);

  /// All offsets; two more, the body's size, may be read behind the end.
  std::span<const uint32_t> offsets() const { return {begin_, size_}; }
  /// Returns the first entry whose offset is not less than `offset`.
  const uint32_t* LowerBound(uint32_t offset) const;
  int64_t bytes_held() const { return static_cast<int64_t>(size_ * sizeof(uint32_t)); }

 private:
  Problem BuildLarge(std::string_view body);
  Status Keep(const uint32_t* offsets, size_t size, std::string_view body);

  arrow::MemoryPool* const pool_;
  std::shared_ptr<void> owner_;  // of the offsets
  const uint32_t* begin_ = nullptr;
  size_t size_ = 0;
};

/// Returns what is wrong, in words.
const char* ProblemText(StructuralIndex::Problem problem);

bool IsUtf8(std::string_view text);

}  // namespace firn::format::json
