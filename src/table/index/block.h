#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "base/status.h"
#include "table/index/entry.h"

/// The blocks of a run file: 4,096 bytes, the last 8 are XXH3-64 of the others, seeded by run and block number.
///   entry block   high[146] low[146] tagged_position[146] (uint64), file[146] (uint32); unused ones are zero
///   word block    word[511] (uint64): fences, filter
///   header        magic(8) version(4) hash_bits(4) run(8)
///   footer        magic(8) run(8) num_entries(8) num_filter_words(8)
namespace firn::table::index {

inline constexpr size_t kBlockBytes = 4096;
inline constexpr size_t kEntriesPerBlock = 146;
inline constexpr size_t kWordsPerBlock = 511;
inline constexpr uint32_t kRunVersion = 1;

/// One block in memory.
struct alignas(8) Block {
  std::array<char, kBlockBytes> bytes{};

  uint64_t Word(size_t index) const {
    uint64_t word;
    std::memcpy(&word, bytes.data() + 8 * index, sizeof word);
    return word;
  }
  void SetWord(size_t index, uint64_t word) { std::memcpy(bytes.data() + 8 * index, &word, sizeof word); }
};
static_assert(sizeof(Block) == kBlockBytes);

/// Sets the checksum.
void Seal(Block* block, uint64_t run, uint64_t number);
/// Errors: kBadData.
Status CheckSeal(const Block& block, uint64_t run, uint64_t number);

void SetEntry(Block* block, size_t index, const Entry& entry);
inline uint64_t HighAt(const Block& block, size_t index) {
  return block.Word(index);
}
Entry EntryAt(const Block& block, size_t index);
/// The first of `count` entries that is not before `hash`; `count` if none.
size_t LowerBound(const Block& block, size_t count, const KeyHash& hash);

/// Sizes of a run's parts, from its counts.
struct RunShape {
  uint64_t num_entries = 0;
  uint64_t num_filter_words = 0;

  uint64_t entry_blocks() const { return (num_entries + kEntriesPerBlock - 1) / kEntriesPerBlock; }
  uint64_t fence_blocks() const { return (entry_blocks() + kWordsPerBlock - 1) / kWordsPerBlock; }
  uint64_t filter_blocks() const { return (num_filter_words + kWordsPerBlock - 1) / kWordsPerBlock; }
  uint64_t num_blocks() const { return 2 + entry_blocks() + fence_blocks() + filter_blocks(); }
  uint64_t EntriesIn(uint64_t entry_block) const {
    const uint64_t before = entry_block * kEntriesPerBlock;
    return num_entries - before < kEntriesPerBlock ? num_entries - before : kEntriesPerBlock;
  }
};

Block MakeHeader(uint64_t run, int hash_bits);
/// Errors: kConfig for a newer version, kBadData for anything else that is not this run's header.
Status CheckHeader(const Block& block, uint64_t run, int hash_bits);
Block MakeFooter(uint64_t run, const RunShape& shape);
/// `block` is sealed. Errors: kBadData if it is no footer of this run.
Result<RunShape> ParseFooter(const Block& block, uint64_t run);

}  // namespace firn::table::index
