#include "format/json/structural_index.h"

#include <arrow/buffer.h>
#include <arrow/memory_pool.h>
#include <simdjson.h>

#include <algorithm>
#include <cstring>
#include <limits>

#include "io/buffer_recycler.h"

namespace firn::format::json {

using Problem = StructuralIndex::Problem;

namespace {

constexpr int64_t kRecycledBytesMin = int64_t{256} << 10;  // of offsets: below it, a pool is as warm
constexpr size_t kScratchBytesMax = 9 << 20;               // of bodies that share the thread's room

// simdjson's stage 1 with its own room for offsets: four bytes per byte of the body, of which few are used.
struct Stage1 {
  std::unique_ptr<simdjson::internal::dom_parser_implementation> implementation;
  size_t capacity = 0;
  std::shared_ptr<io::BufferRecycler> kept;  // offsets of earlier bodies, whose pool is the default

  Problem Run(const char* data, size_t size) {
    if (size > std::numeric_limits<uint32_t>::max() - StructuralIndex::kPadding) return Problem::kTooLarge;
    if (!implementation || size > capacity) {
      // The depth is that of simdjson's own stage 2, which is never run.
      const size_t wanted = size > kScratchBytesMax ? size : size + size / 4;  // the next may be a little larger
      implementation.reset();
      const auto error =
          simdjson::get_active_implementation()->create_dom_parser_implementation(wanted, 1, implementation);
      if (error != simdjson::SUCCESS) return Problem::kOther;
      capacity = wanted;
    }
    implementation->n_structural_indexes = 0;
    switch (implementation->stage1(reinterpret_cast<const uint8_t*>(data), size, simdjson::stage1_mode::regular)) {
      case simdjson::SUCCESS:
        return Problem::kNone;
      case simdjson::EMPTY:
        return Problem::kEmpty;
      case simdjson::UTF8_ERROR:
        return Problem::kInvalidUtf8;
      case simdjson::UNESCAPED_CHARS:
        return Problem::kControlCharacter;
      case simdjson::UNCLOSED_STRING:
        return Problem::kUnclosedString;
      case simdjson::CAPACITY:
        return Problem::kTooLarge;
      default:
        return Problem::kOther;
    }
  }
};

// The thread's own, so that the room stays warm; the offsets are copied out of it.
Stage1& OwnStage1() {
  thread_local Stage1 stage1;
  return stage1;
}

}  // namespace

StructuralIndex::StructuralIndex(arrow::MemoryPool* pool) : pool_(pool ? pool : arrow::default_memory_pool()) {}
StructuralIndex::~StructuralIndex() = default;

Status StructuralIndex::Keep(const uint32_t* offsets, size_t size, std::string_view body) {
  const uint32_t behind[2] = {static_cast<uint32_t>(body.size()), static_cast<uint32_t>(body.size())};
  const auto num_bytes = static_cast<int64_t>((size + 2) * sizeof(uint32_t));
  std::shared_ptr<arrow::Buffer> kept;
  if (num_bytes < kRecycledBytesMin || pool_ != arrow::default_memory_pool()) {
    ARROW_ASSIGN_OR_RAISE(kept, arrow::AllocateBuffer(num_bytes, pool_));
  } else {
    Stage1& stage1 = OwnStage1();
    if (stage1.kept == nullptr) stage1.kept = io::BufferRecycler::Make({});
    ARROW_ASSIGN_OR_RAISE(kept, stage1.kept->Take(num_bytes));
  }
  auto* to = reinterpret_cast<uint32_t*>(kept->mutable_data());
  if (size > 0) std::memcpy(to, offsets, size * sizeof(uint32_t));
  std::memcpy(to + size, behind, sizeof behind);
  owner_ = std::move(kept);
  begin_ = to;
  size_ = size;
  return Status::OK();
}

Problem StructuralIndex::Build(std::string_view body) {
  if (body.size() > kScratchBytesMax) return BuildLarge(body);
  Stage1& stage1 = OwnStage1();
  const Problem problem = stage1.Run(body.data(), body.size());
  if (!stage1.implementation) return problem;
  const auto& implementation = *stage1.implementation;
  const Status kept = Keep(implementation.structural_indexes.get(), implementation.n_structural_indexes, body);
  return kept.ok() ? problem : Problem::kOther;
}

// The offsets of a large body stay where they are: a copy of them would cost more than what is not used.
Problem StructuralIndex::BuildLarge(std::string_view body) {
  auto stage1 = std::make_shared<Stage1>();
  const Problem problem = stage1->Run(body.data(), body.size());
  if (!stage1->implementation) return problem;
  begin_ = stage1->implementation->structural_indexes.get();
  size_ = stage1->implementation->n_structural_indexes;
  for (size_t i = 0; i < 2; ++i)
    stage1->implementation->structural_indexes[size_ + i] = static_cast<uint32_t>(body.size());
  owner_ = std::move(stage1);
  return problem;
}

Result<std::vector<StructuralIndex::Broken>> StructuralIndex::BuildLines(std::string_view body) {
  Stage1& stage1 = OwnStage1();
  std::vector<Broken> broken;
  std::vector<uint32_t> joined;
  size_t begin = 0;
  while (begin < body.size()) {
    const size_t newline = body.find('\n', begin);
    const size_t line_end = newline == std::string_view::npos ? body.size() : newline;
    size_t first = begin, last = line_end;
    while (first < last && (body[first] == ' ' || body[first] == '\t' || body[first] == '\r')) ++first;
    while (last > first && (body[last - 1] == ' ' || body[last - 1] == '\t' || body[last - 1] == '\r')) --last;
    begin = line_end + 1;
    if (first == last) continue;
    const Problem problem = stage1.Run(body.data() + first, last - first);
    if (problem != Problem::kNone) {
      broken.push_back({static_cast<uint32_t>(first), static_cast<uint32_t>(last), problem});
      // A walk that runs on from the line before must meet a byte that begins no token: the whitespace in front.
      if (first > 0) joined.push_back(static_cast<uint32_t>(first - 1));
      continue;
    }
    const auto& implementation = *stage1.implementation;
    for (uint32_t i = 0; i < implementation.n_structural_indexes; ++i) {
      joined.push_back(implementation.structural_indexes[i] + static_cast<uint32_t>(first));
    }
  }
  ARROW_RETURN_NOT_OK(Keep(joined.data(), joined.size(), body));
  return broken;
}

const uint32_t* StructuralIndex::LowerBound(uint32_t offset) const {
  return std::lower_bound(begin_, begin_ + size_, offset);
}

const char* ProblemText(Problem problem) {
  switch (problem) {
    case Problem::kNone:
      return "nothing";
    case Problem::kEmpty:
      return "empty";
    case Problem::kInvalidUtf8:
      return "invalid UTF-8";
    case Problem::kControlCharacter:
      return "control character inside a string";
    case Problem::kUnclosedString:
      return "string without closing quote";
    case Problem::kTooLarge:
      return "too large";
    case Problem::kOther:
      return "unreadable";
  }
  return "unreadable";
}

bool IsUtf8(std::string_view text) {
  return simdjson::validate_utf8(text.data(), text.size());
}

}  // namespace firn::format::json
