#include "format/json/structural_index.h"

#include <simdjson.h>

#include <algorithm>
#include <cstring>
#include <limits>

namespace firn::format::json {

using Problem = StructuralIndex::Problem;

struct StructuralIndex::Stage1 {
  std::unique_ptr<simdjson::internal::dom_parser_implementation> implementation;
  size_t capacity = 0;

  Problem Run(const char* data, size_t size) {
    if (size > std::numeric_limits<uint32_t>::max() - kPadding) return Problem::kTooLarge;
    if (!implementation || size > capacity) {
      // The depth is that of simdjson's own stage 2, which is never run.
      const auto error =
          simdjson::get_active_implementation()->create_dom_parser_implementation(size, 1, implementation);
      if (error != simdjson::SUCCESS) return Problem::kOther;
      capacity = size;
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

StructuralIndex::StructuralIndex() : stage1_(std::make_unique<Stage1>()) {}
StructuralIndex::~StructuralIndex() = default;

Problem StructuralIndex::Build(std::string_view body) {
  const Problem problem = stage1_->Run(body.data(), body.size());
  if (!stage1_->implementation) return problem;
  begin_ = stage1_->implementation->structural_indexes.get();
  size_ = stage1_->implementation->n_structural_indexes;
  if (size_ > 0) stage1_->implementation->structural_indexes[size_] = static_cast<uint32_t>(body.size());
  return problem;
}

std::vector<StructuralIndex::Broken> StructuralIndex::BuildLines(std::string_view body) {
  std::vector<Broken> broken;
  joined_.clear();
  size_t begin = 0;
  while (begin < body.size()) {
    const size_t newline = body.find('\n', begin);
    const size_t line_end = newline == std::string_view::npos ? body.size() : newline;
    size_t first = begin, last = line_end;
    while (first < last && (body[first] == ' ' || body[first] == '\t' || body[first] == '\r')) ++first;
    while (last > first && (body[last - 1] == ' ' || body[last - 1] == '\t' || body[last - 1] == '\r')) --last;
    begin = line_end + 1;
    if (first == last) continue;
    const Problem problem = stage1_->Run(body.data() + first, last - first);
    if (problem != Problem::kNone) {
      broken.push_back({static_cast<uint32_t>(first), static_cast<uint32_t>(last), problem});
      // A walk that runs on from the line before must meet a byte that begins no token: the whitespace in front.
      if (first > 0) joined_.push_back(static_cast<uint32_t>(first - 1));
      continue;
    }
    const auto& implementation = *stage1_->implementation;
    for (uint32_t i = 0; i < implementation.n_structural_indexes; ++i) {
      joined_.push_back(implementation.structural_indexes[i] + static_cast<uint32_t>(first));
    }
  }
  size_ = joined_.size();
  joined_.insert(joined_.end(), 2, static_cast<uint32_t>(body.size()));
  begin_ = joined_.data();
  stage1_->implementation.reset();
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
