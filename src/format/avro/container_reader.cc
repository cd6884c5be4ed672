#include "format/avro/container_reader.h"

#include <utility>

#include "format/avro/compression.h"
#include "format/avro/decoder.h"

namespace firn::format::avro {
namespace {

constexpr std::string_view kMagic("Obj\x01", 4);
constexpr int64_t kSyncBytes = 16;
constexpr int64_t kHeaderEntriesMax = 10'000;
// Values a block may hold: a byte makes at most two (a union and its null); records without fields make some more.
constexpr int64_t kValuesPerByte = 4;
constexpr int64_t kValuesFree = 64 << 10;

using Metadata = std::map<std::string, std::string>;

Status ReadMetadata(Decoder& file, Metadata& out) {
  int64_t num_entries = 0;
  while (true) {
    ARROW_ASSIGN_OR_RAISE(int64_t count, file.Long());
    if (count == 0) return Status::OK();
    if (count < 0) {
      if (count < -kHeaderEntriesMax) return file.Bad("too many header entries");
      count = -count;
      ARROW_RETURN_NOT_OK(file.Long().status());
    }
    num_entries += std::min(count, kHeaderEntriesMax + 1);
    if (num_entries > kHeaderEntriesMax) return file.Bad("too many header entries");
    for (int64_t i = 0; i < count; ++i) {
      ARROW_ASSIGN_OR_RAISE(const std::string_view key, file.Bytes());
      ARROW_ASSIGN_OR_RAISE(const std::string_view value, file.Bytes());
      out.insert_or_assign(std::string(key), std::string(value));
    }
  }
}

class ContainerReaderImpl : public ContainerReader {
 public:
  ContainerReaderImpl(std::string_view bytes, ReaderOptions options)
      : options_(std::move(options)), file_(bytes), block_("") {}

  Status ReadHeader() {
    ARROW_ASSIGN_OR_RAISE(const std::string_view magic, file_.Fixed(static_cast<int64_t>(kMagic.size())));
    if (magic != kMagic) return file_.Bad("not an Avro object container file");
    ARROW_RETURN_NOT_OK(ReadMetadata(file_, metadata_));
    ARROW_ASSIGN_OR_RAISE(sync_, file_.Fixed(kSyncBytes));
    const auto codec = metadata_.find("avro.codec");
    if (codec != metadata_.end() && !codec->second.empty()) {
      ARROW_ASSIGN_OR_RAISE(codec_, ParseCodec(codec->second));
    }
    const auto schema = metadata_.find("avro.schema");
    if (schema == metadata_.end()) return file_.Bad("header without avro.schema");
    ARROW_ASSIGN_OR_RAISE(schema_, ParseSchema(schema->second));
    return Status::OK();
  }

  const NodePtr& schema() const override { return schema_; }
  const Metadata& metadata() const override { return metadata_; }

  Result<std::optional<Value>> Next() override {
    while (records_left_ == 0) {
      if (block_.remaining() != 0) return block_.Bad("bytes left over at the end of a block");
      if (file_.remaining() == 0) return std::nullopt;
      ARROW_RETURN_NOT_OK(ReadBlock());
    }
    --records_left_;
    const DecodeOptions options{options_.skip_field_ids.empty() ? nullptr : &options_.skip_field_ids};
    ARROW_ASSIGN_OR_RAISE(Value value, DecodeValue(*schema_, block_, options, values_left_));
    return std::optional<Value>(std::move(value));
  }

 private:
  Status ReadBlock() {
    ARROW_ASSIGN_OR_RAISE(records_left_, file_.Long());
    if (records_left_ < 0) return file_.Bad("negative record count");
    ARROW_ASSIGN_OR_RAISE(const std::string_view compressed, file_.Bytes());
    ARROW_ASSIGN_OR_RAISE(const std::string_view sync, file_.Fixed(kSyncBytes));
    if (sync != sync_) return file_.Bad("sync marker does not match");
    ARROW_ASSIGN_OR_RAISE(content_, Decompress(codec_, compressed, options_.block_bytes_max));
    block_ = Decoder(content_);
    values_left_ = kValuesFree + kValuesPerByte * block_.remaining();
    return Status::OK();
  }

  const ReaderOptions options_;
  int64_t values_left_ = 0;  // in the open block
  Decoder file_;
  Metadata metadata_;
  std::string_view sync_;
  Codec codec_ = Codec::kNull;
  NodePtr schema_;
  std::string content_;  // decompressed block that block_ reads
  Decoder block_;
  int64_t records_left_ = 0;
};

}  // namespace

Result<std::unique_ptr<ContainerReader>> ContainerReader::Open(std::string_view bytes, ReaderOptions options) {
  auto reader = std::make_unique<ContainerReaderImpl>(bytes, std::move(options));
  ARROW_RETURN_NOT_OK(reader->ReadHeader());
  return reader;
}

}  // namespace firn::format::avro
