#include "table/index/block.h"

#include <algorithm>
#include <string>

namespace firn::table::index {

namespace {

constexpr uint64_t kHeaderMagic = 0x4E55524B4E524946;  // "FIRNKRUN"
constexpr uint64_t kFooterMagic = 0x444E454B4E524946;  // "FIRNKEND"
constexpr size_t kChecksumWord = kWordsPerBlock;
constexpr uint64_t kEntriesMax = uint64_t{1} << 48;  // so that sizes cannot overflow

uint64_t ChecksumOf(const Block& block, uint64_t run, uint64_t number) {
  return Xxh3({block.bytes.data(), kBlockBytes - 8}, run + number * 0x9E3779B97F4A7C15).low;
}

size_t FilesOffset() {
  return 3 * 8 * kEntriesPerBlock;
}

}  // namespace

void Seal(Block* block, uint64_t run, uint64_t number) {
  block->SetWord(kChecksumWord, ChecksumOf(*block, run, number));
}

Status CheckSeal(const Block& block, uint64_t run, uint64_t number) {
  if (block.Word(kChecksumWord) == ChecksumOf(block, run, number)) return Status::OK();
  return MakeError(Fault::kBadData, "checksum of a block of the key index is wrong: block " + std::to_string(number));
}

void SetEntry(Block* block, size_t index, const Entry& entry) {
  block->SetWord(index, entry.high);
  block->SetWord(kEntriesPerBlock + index, entry.low);
  block->SetWord(2 * kEntriesPerBlock + index, entry.tagged_position);
  std::memcpy(block->bytes.data() + FilesOffset() + 4 * index, &entry.file, sizeof entry.file);
}

Entry EntryAt(const Block& block, size_t index) {
  Entry entry{.high = block.Word(index),
              .low = block.Word(kEntriesPerBlock + index),
              .tagged_position = block.Word(2 * kEntriesPerBlock + index)};
  std::memcpy(&entry.file, block.bytes.data() + FilesOffset() + 4 * index, sizeof entry.file);
  return entry;
}

size_t LowerBound(const Block& block, size_t count, const KeyHash& hash) {
  size_t begin = 0;
  size_t end = count;
  while (begin < end) {
    const size_t middle = (begin + end) / 2;
    const uint64_t high = HighAt(block, middle);
    const bool before = high != hash.high ? high < hash.high : block.Word(kEntriesPerBlock + middle) < hash.low;
    if (before) {
      begin = middle + 1;
    } else {
      end = middle;
    }
  }
  return begin;
}

Block MakeHeader(uint64_t run, int hash_bits) {
  Block block;
  block.SetWord(0, kHeaderMagic);
  block.SetWord(1, kRunVersion | static_cast<uint64_t>(hash_bits) << 32);
  block.SetWord(2, run);
  Seal(&block, run, 0);
  return block;
}

Status CheckHeader(const Block& block, uint64_t run, int hash_bits) {
  if (block.Word(0) != kHeaderMagic) return MakeError(Fault::kBadData, "a run of the key index has no header");
  ARROW_RETURN_NOT_OK(CheckSeal(block, run, 0));
  const auto version = static_cast<uint32_t>(block.Word(1));
  if (version > kRunVersion) {
    return MakeError(Fault::kConfig,
                     "a run of the key index was written by a newer firn: format " + std::to_string(version) + " > " +
                         std::to_string(kRunVersion),
                     {.next = "use the newer firn, or remove the index folder: it is built again from the table"});
  }
  if (version != kRunVersion || block.Word(1) >> 32 != static_cast<uint64_t>(hash_bits) || block.Word(2) != run) {
    return MakeError(Fault::kBadData, "a run of the key index has the header of another");
  }
  return Status::OK();
}

Block MakeFooter(uint64_t run, const RunShape& shape) {
  Block block;
  block.SetWord(0, kFooterMagic);
  block.SetWord(1, run);
  block.SetWord(2, shape.num_entries);
  block.SetWord(3, shape.num_filter_words);
  Seal(&block, run, shape.num_blocks() - 1);
  return block;
}

Result<RunShape> ParseFooter(const Block& block, uint64_t run) {
  const RunShape shape{.num_entries = block.Word(2), .num_filter_words = block.Word(3)};
  if (block.Word(0) != kFooterMagic || block.Word(1) != run || shape.num_entries > kEntriesMax ||
      shape.num_filter_words > kEntriesMax) {
    return MakeError(Fault::kBadData, "a run of the key index has no footer");
  }
  return shape;
}

}  // namespace firn::table::index
