#include "format/puffin/writer.h"

#include <arrow/io/interfaces.h>
#include <arrow/util/compression.h>

#include <utility>

namespace firn::format::puffin {

namespace {

Result<std::string> CompressZstd(std::string_view bytes) {
  ARROW_ASSIGN_OR_RAISE(auto codec, arrow::util::Codec::Create(arrow::Compression::ZSTD));
  const auto* input = reinterpret_cast<const uint8_t*>(bytes.data());
  const auto input_bytes = static_cast<int64_t>(bytes.size());
  std::string out(static_cast<size_t>(codec->MaxCompressedLen(input_bytes, input)), '\0');
  ARROW_ASSIGN_OR_RAISE(const int64_t size, codec->Compress(input_bytes, input, static_cast<int64_t>(out.size()),
                                                            reinterpret_cast<uint8_t*>(out.data())));
  out.resize(static_cast<size_t>(size));
  return out;
}

}  // namespace

Status PuffinWriter::Write(std::string_view bytes) {
  ARROW_RETURN_NOT_OK(out_.Write(bytes.data(), static_cast<int64_t>(bytes.size())));
  size_bytes_ += static_cast<int64_t>(bytes.size());
  return Status::OK();
}

Result<BlobInfo> PuffinWriter::Add(BlobInfo info, std::string_view bytes) {
  if (size_bytes_ == 0) ARROW_RETURN_NOT_OK(Write(kMagic));
  info.offset = size_bytes_;
  if (info.compression.empty()) {
    ARROW_RETURN_NOT_OK(Write(bytes));
  } else if (info.compression == "zstd") {
    ARROW_ASSIGN_OR_RAISE(const std::string compressed, CompressZstd(bytes));
    ARROW_RETURN_NOT_OK(Write(compressed));
  } else {
    return MakeError(Fault::kBug, "Puffin blobs are not written with compression " + info.compression);
  }
  info.length = size_bytes_ - info.offset;
  footer_.blobs.push_back(info);
  return info;
}

Result<int64_t> PuffinWriter::Finish(std::map<std::string, std::string> properties) {
  if (size_bytes_ == 0) ARROW_RETURN_NOT_OK(Write(kMagic));
  footer_.properties = std::move(properties);
  ARROW_ASSIGN_OR_RAISE(const std::string footer, EncodeFooter(footer_));
  ARROW_RETURN_NOT_OK(Write(footer));
  return size_bytes_;
}

}  // namespace firn::format::puffin
