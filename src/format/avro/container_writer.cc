#include "format/avro/container_writer.h"

#include <array>
#include <utility>

#include "format/avro/compression.h"

namespace firn::format::avro {
namespace {

constexpr std::string_view kMagic("Obj\x01", 4);
constexpr size_t kSyncBytes = 16;

// FNV-1a over two seeds: any 16 bytes that are unlikely in the data will do as a marker; derived ones keep files
// reproducible.
std::string SyncMarker(std::string_view seed) {
  std::string marker;
  for (uint64_t hash : {uint64_t{0xcbf29ce484222325}, uint64_t{0x9ae16a3b2f90404f}}) {
    for (const char byte : seed) hash = (hash ^ static_cast<unsigned char>(byte)) * 0x100000001b3;
    for (int shift = 0; shift < 64; shift += 8) marker += static_cast<char>((hash >> shift) & 0xFF);
  }
  static_assert(kSyncBytes == 2 * sizeof(uint64_t));
  return marker;
}

class ContainerWriterImpl : public ContainerWriter {
 public:
  explicit ContainerWriterImpl(WriterOptions options) : options_(std::move(options)), encoder_(block_) {
    file_ = kMagic;
    Encoder header(file_);
    header.BeginBlock(static_cast<int64_t>(options_.metadata.size()) + 2);
    header.Bytes("avro.schema");
    header.Bytes(options_.schema_json);
    header.Bytes("avro.codec");
    header.Bytes(CodecName(options_.codec));
    for (const auto& [key, value] : options_.metadata) {
      header.Bytes(key);
      header.Bytes(value);
    }
    header.EndBlock();
    sync_ = SyncMarker(file_);
    file_ += sync_;
  }

  Encoder& encoder() override { return encoder_; }
  int64_t num_records() const override { return num_records_; }
  int64_t size_bytes() const override { return done_bytes_ + static_cast<int64_t>(block_.size()); }

  Status EndRecord() override {
    ++num_records_;
    ++block_records_;
    return static_cast<int64_t>(block_.size()) >= options_.block_bytes ? Flush() : Status::OK();
  }

  Result<std::string> Finish() override {
    ARROW_RETURN_NOT_OK(Flush());
    return std::move(file_);
  }

 private:
  Status Flush() {
    if (block_records_ == 0) return Status::OK();
    ARROW_ASSIGN_OR_RAISE(const std::string compressed, Compress(options_.codec, block_));
    Encoder out(file_);
    out.Long(block_records_);
    out.Bytes(compressed);
    out.Fixed(sync_);
    done_bytes_ += static_cast<int64_t>(block_.size());
    block_.clear();
    block_records_ = 0;
    return Status::OK();
  }

  const WriterOptions options_;
  std::string file_;
  std::string sync_;
  std::string block_;  // records of the open block
  Encoder encoder_;
  int64_t block_records_ = 0;
  int64_t num_records_ = 0;
  int64_t done_bytes_ = 0;
};

}  // namespace

Result<std::unique_ptr<ContainerWriter>> ContainerWriter::Make(WriterOptions options) {
  if (options.codec != Codec::kNull && options.codec != Codec::kDeflate) {
    return MakeError(Fault::kBug, "avro: codec is only read: " + std::string(CodecName(options.codec)));
  }
  return std::make_unique<ContainerWriterImpl>(std::move(options));
}

}  // namespace firn::format::avro
