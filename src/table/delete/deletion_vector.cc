#include "table/delete/deletion_vector.h"

#include <arrow/buffer.h>
#include <zlib.h>

#include <unordered_set>
#include <utility>

#include "base/failpoint.h"
#include "format/puffin/writer.h"
#include "io/file_store.h"

namespace firn::table {

namespace {

namespace puffin = format::puffin;

constexpr std::string_view kVectorMagic = "\xD1\xD3\x39\x64";
constexpr size_t kLengthBytes = 4, kChecksumBytes = 4;

Status Bad(const std::string& problem) {
  return MakeError(Fault::kBadData, "deletion vector: " + problem);
}

void AppendBigEndian(uint32_t value, std::string* out) {
  for (int shift = 24; shift >= 0; shift -= 8) *out += static_cast<char>((value >> shift) & 0xFF);
}

uint32_t BigEndian(std::string_view bytes) {
  uint32_t value = 0;
  for (size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<uint8_t>(bytes[i]);
  return value;
}

uint32_t Crc32(std::string_view bytes) {
  return static_cast<uint32_t>(crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

class PuffinVectorWriter final : public DeletionVectorFileWriter {
 public:
  PuffinVectorWriter(std::string location, std::shared_ptr<io::OutputFile> out)
      : location_(std::move(location)), out_(std::move(out)), puffin_(*out_) {}

  Status Add(const DataFile& data_file, const PositionSet& positions) override {
    const int64_t cardinality = positions.cardinality();
    if (cardinality == 0 || !paths_.insert(data_file.file_path).second) {
      return MakeError(Fault::kBug, "deletion vector empty or written twice, of " + data_file.file_path);
    }
    FIRN_FAILPOINT("delete.vector");
    ARROW_ASSIGN_OR_RAISE(const auto blob, puffin_.Add({.type = puffin::kDeletionVectorV1,
                                                        .fields = {kRowPositionFieldId},
                                                        .properties = {{"referenced-data-file", data_file.file_path},
                                                                       {"cardinality", std::to_string(cardinality)}}},
                                                       EncodeDeletionVector(positions)));
    entries_.push_back({.content = FileContent::kPositionDeletes,
                        .file_path = location_,
                        .file_format = FileFormat::kPuffin,
                        .spec_id = data_file.spec_id,
                        .partition = data_file.partition,
                        .record_count = cardinality,
                        .referenced_data_file = data_file.file_path,
                        .content_offset = blob.offset,
                        .content_size_bytes = blob.length});
    return Status::OK();
  }

  int64_t size_bytes() const override { return puffin_.size_bytes(); }

  Result<std::vector<DataFile>> Finish() override {
    if (entries_.empty()) return MakeError(Fault::kBug, "Puffin file without deletion vectors: " + location_);
    ARROW_ASSIGN_OR_RAISE(const int64_t size, puffin_.Finish({{"created-by", "firn version " FIRN_VERSION}}));
    FIRN_FAILPOINT("delete.before_close");
    ARROW_RETURN_NOT_OK(out_->Close());
    FIRN_FAILPOINT("delete.after_close");
    for (DataFile& entry : entries_) entry.file_size_bytes = size;
    return std::move(entries_);
  }

 private:
  const std::string location_;
  const std::shared_ptr<io::OutputFile> out_;
  puffin::PuffinWriter puffin_;
  std::vector<DataFile> entries_;
  std::unordered_set<std::string> paths_;
};

}  // namespace

std::string EncodeDeletionVector(const PositionSet& positions) {
  const std::string body = std::string(kVectorMagic) + positions.Serialize();
  std::string blob;
  AppendBigEndian(static_cast<uint32_t>(body.size()), &blob);
  blob += body;
  AppendBigEndian(Crc32(body), &blob);
  return blob;
}

Result<PositionSet> DecodeDeletionVector(std::string_view blob) {
  if (blob.size() < kLengthBytes + kVectorMagic.size() + kChecksumBytes) {
    return Bad("too short: " + std::to_string(blob.size()) + " bytes");
  }
  const std::string_view body = blob.substr(kLengthBytes, blob.size() - kLengthBytes - kChecksumBytes);
  if (BigEndian(blob) != body.size()) {
    return Bad("length says " + std::to_string(BigEndian(blob)) + ", there are " + std::to_string(body.size()));
  }
  if (!body.starts_with(kVectorMagic)) return Bad("wrong magic");
  if (BigEndian(blob.substr(blob.size() - kChecksumBytes)) != Crc32(body)) return Bad("wrong checksum");
  auto positions = PositionSet::Parse(body.substr(kVectorMagic.size()));
  if (!positions.ok()) return Within("deletion vector", positions.status());
  return positions;
}

Result<PositionSet> ReadDeletionVector(io::FileStore& files, const DataFile& entry) {
  const int64_t offset = entry.content_offset.value_or(-1), size = entry.content_size_bytes.value_or(-1);
  if (offset < 0 || size < 0 || size > puffin::kBlobBytesMax) {
    return Within(entry.file_path,
                  Bad("impossible place: offset " + std::to_string(offset) + ", size " + std::to_string(size)));
  }
  // Several vectors share a file: what tells them apart is the offset (starrocks#76228).
  ARROW_ASSIGN_OR_RAISE(const auto bytes, files.ReadRange(entry.file_path, offset, size));
  const std::string place = entry.file_path + " at " + std::to_string(offset);
  auto positions = DecodeDeletionVector(std::string_view(*bytes));
  if (!positions.ok()) return Within(place, positions.status());
  if (positions->cardinality() != entry.record_count) {
    return Within(place, Bad("has " + std::to_string(positions->cardinality()) + " rows, the manifest says " +
                             std::to_string(entry.record_count)));
  }
  return positions;
}

Result<std::unique_ptr<DeletionVectorFileWriter>> DeletionVectorFileWriter::Open(io::FileStore& files,
                                                                                 std::string location) {
  FIRN_FAILPOINT("delete.open");
  ARROW_ASSIGN_OR_RAISE(auto out, files.OpenOutput(location));
  return std::make_unique<PuffinVectorWriter>(std::move(location), std::move(out));
}

}  // namespace firn::table
