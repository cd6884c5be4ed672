#include "table/index/run_writer.h"

#include <algorithm>
#include <utility>

#include "base/failpoint.h"

namespace firn::table::index {

std::string RunLocation(const std::string& folder, uint64_t run) {
  return folder + "/run-" + Hash128{.high = run}.Hex().substr(0, 16);
}

Result<std::unique_ptr<RunWriter>> RunWriter::Open(io::FileStore& files, RunWriterOptions options) {
  ARROW_ASSIGN_OR_RAISE(auto output, files.OpenOutput(RunLocation(options.folder, options.run),
                                                      {.durability = io::Durability::kFileOnly}));
  std::unique_ptr<RunWriter> writer(new RunWriter(std::move(output), std::move(options)));
  const Block header = MakeHeader(writer->options_.run, writer->options_.hash_bits);
  ARROW_RETURN_NOT_OK(writer->output_->Write(header.bytes.data(), kBlockBytes));
  return writer;
}

RunWriter::RunWriter(std::shared_ptr<io::OutputFile> output, RunWriterOptions options)
    : output_(std::move(output)),
      options_(std::move(options)),
      filter_(RunFilter::For(options_.num_entries_max, options_.filter_bytes_max)) {
  fences_.reserve(static_cast<size_t>(options_.num_entries_max) / kEntriesPerBlock + 1);
}

Status RunWriter::Append(const Entry& entry) {
  FIRN_CHECK(shape_.num_entries == 0 || !entry.before(last_));
  if (in_block_ == 0) fences_.push_back(entry.high);
  SetEntry(&block_, in_block_++, entry);
  if (!filter_.empty()) filter_.Add(entry.hash());
  last_ = entry;
  ++shape_.num_entries;
  return in_block_ == kEntriesPerBlock ? WriteBlock(&block_) : Status::OK();
}

Status RunWriter::WriteBlock(Block* block) {
  Seal(block, options_.run, next_block_++);
  ARROW_RETURN_NOT_OK(output_->Write(block->bytes.data(), kBlockBytes));
  *block = Block{};
  in_block_ = 0;
  return Status::OK();
}

Status RunWriter::WriteWords(const std::vector<uint64_t>& words) {
  for (size_t begin = 0; begin < words.size(); begin += kWordsPerBlock) {
    const size_t count = std::min(kWordsPerBlock, words.size() - begin);
    for (size_t i = 0; i < count; ++i) block_.SetWord(i, words[begin + i]);
    ARROW_RETURN_NOT_OK(WriteBlock(&block_));
  }
  return Status::OK();
}

Status RunWriter::Finish() {
  if (in_block_ > 0) ARROW_RETURN_NOT_OK(WriteBlock(&block_));
  ARROW_RETURN_NOT_OK(WriteWords(fences_));
  ARROW_RETURN_NOT_OK(WriteWords(filter_.words()));
  shape_.num_filter_words = filter_.words().size();
  const Block footer = MakeFooter(options_.run, shape_);
  FIRN_CHECK(next_block_ + 1 == shape_.num_blocks());
  ARROW_RETURN_NOT_OK(output_->Write(footer.bytes.data(), kBlockBytes));
  FIRN_FAILPOINT("key_index.run_before_close");
  ARROW_RETURN_NOT_OK(output_->Close());
  FIRN_FAILPOINT("key_index.run_after_close");
  return Status::OK();
}

int64_t RunWriter::memory_bytes() const {
  constexpr int64_t kOutputBytes = 64 << 10;  // of the file's buffer
  return kOutputBytes + static_cast<int64_t>(fences_.capacity() * sizeof(uint64_t)) + filter_.memory_bytes();
}

}  // namespace firn::table::index
