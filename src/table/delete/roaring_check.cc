#include "table/delete/roaring_check.h"

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

namespace firn::table {

namespace {

constexpr uint32_t kCookieNoRuns = 12346, kCookieRuns = 12347;
constexpr size_t kContainersMax = 65536, kNoOffsetsBelow = 4, kArrayMax = 4096, kBitsetBytes = 8192;

struct Container {
  size_t cardinality = 0;
  bool is_run = false;
};

/// Walks the bytes once, front to back.
class Walker {
 public:
  explicit Walker(std::string_view bytes) : bytes_(bytes) {}

  Result<size_t> Walk() {
    ARROW_ASSIGN_OR_RAISE(const auto containers, Header());
    for (const Container& container : containers) {
      if (container.is_run) {
        ARROW_RETURN_NOT_OK(Runs(container.cardinality));
      } else if (container.cardinality <= kArrayMax) {
        ARROW_RETURN_NOT_OK(Array(container.cardinality));
      } else {
        ARROW_RETURN_NOT_OK(Bitset(container.cardinality));
      }
    }
    return at_;
  }

 private:
  Status Bad(const std::string& problem) const {
    return MakeError(Fault::kBadData, "Roaring bitmap: " + problem + ", offset " + std::to_string(at_));
  }
  bool Has(size_t count) const { return count <= bytes_.size() - at_; }
  Result<const char*> Take(size_t count) {
    if (!Has(count)) return Bad("it ends early");
    const char* taken = bytes_.data() + at_;
    at_ += count;
    return taken;
  }
  template <typename T>
  static T Load(const char* from) {
    static_assert(std::endian::native == std::endian::little);
    T value;
    std::memcpy(&value, from, sizeof(T));
    return value;
  }
  static size_t Load16(const char* from) { return Load<uint16_t>(from); }

  Result<std::vector<Container>> Header() {
    ARROW_ASSIGN_OR_RAISE(const char* head, Take(4));
    const auto cookie = Load<uint32_t>(head);
    const bool may_have_runs = (cookie & 0xFFFF) == kCookieRuns;
    size_t count = (cookie >> 16) + size_t{1};
    if (!may_have_runs) {
      if (cookie != kCookieNoRuns) return Bad("unknown cookie");
      ARROW_ASSIGN_OR_RAISE(const char* number, Take(4));
      count = Load<uint32_t>(number);
      if (count > kContainersMax) return Bad("too many containers");
    }
    const char* run_flags = nullptr;
    if (may_have_runs) {
      ARROW_ASSIGN_OR_RAISE(run_flags, Take((count + 7) / 8));
    }
    ARROW_ASSIGN_OR_RAISE(const char* keys, Take(4 * count));
    std::vector<Container> containers(count);
    for (size_t i = 0; i < count; ++i) {
      if (i > 0 && Load16(keys + 4 * i) <= Load16(keys + 4 * (i - 1))) return Bad("keys out of order");
      containers[i].cardinality = Load16(keys + 4 * i + 2) + 1;
      containers[i].is_run = run_flags != nullptr && ((run_flags[i / 8] >> (i % 8)) & 1) != 0;
    }
    // Offsets are for random access and not used: containers follow each other.
    if (!may_have_runs || count >= kNoOffsetsBelow) ARROW_RETURN_NOT_OK(Take(4 * count));
    return containers;
  }

  Status Array(size_t cardinality) {
    ARROW_ASSIGN_OR_RAISE(const char* values, Take(2 * cardinality));
    for (size_t i = 1; i < cardinality; ++i) {
      if (Load16(values + 2 * i) <= Load16(values + 2 * (i - 1))) return Bad("array out of order");
    }
    return Status::OK();
  }

  Status Bitset(size_t cardinality) {
    ARROW_ASSIGN_OR_RAISE(const char* words, Take(kBitsetBytes));
    size_t count = 0;
    for (size_t i = 0; i < kBitsetBytes; i += 8) {
      count += static_cast<size_t>(std::popcount(Load<uint64_t>(words + i)));
    }
    return count == cardinality ? Status::OK() : Bad("bitset with another cardinality");
  }

  Status Runs(size_t cardinality) {
    ARROW_ASSIGN_OR_RAISE(const char* number, Take(2));
    const size_t num_runs = Load16(number);
    ARROW_ASSIGN_OR_RAISE(const char* runs, Take(4 * num_runs));
    size_t count = 0;
    size_t free_from = 0;  // first value that a run may have
    for (size_t i = 0; i < num_runs; ++i) {
      const size_t first = Load16(runs + 4 * i), length = Load16(runs + 4 * i + 2) + 1;
      if (first < free_from || first + length > kContainersMax) return Bad("runs overlap or pass the end");
      free_from = first + length;
      count += length;
    }
    return count == cardinality ? Status::OK() : Bad("runs with another cardinality");
  }

  const std::string_view bytes_;
  size_t at_ = 0;
};

}  // namespace

Result<size_t> CheckedBitmapBytes(std::string_view bytes) {
  return Walker(bytes).Walk();
}

}  // namespace firn::table
