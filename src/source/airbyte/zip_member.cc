#include "source/airbyte/zip_member.h"

#include <arrow/buffer.h>
#include <arrow/io/memory.h>
#include <zlib.h>

#include <array>
#include <memory>

#include "io/zip_archive.h"

namespace firn::source::airbyte {
namespace {

constexpr size_t kBytesMax = size_t{1} << 30;

}  // namespace

Result<std::string> Gunzip(std::string_view bytes) {
  constexpr int kGzip = 16 + MAX_WBITS;
  z_stream stream{};
  if (inflateInit2(&stream, kGzip) != Z_OK) return MakeError(Fault::kBug, "zlib cannot start");
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  std::string out;
  std::array<char, 1 << 16> buffer;
  int code = Z_OK;
  while (true) {
    stream.next_out = reinterpret_cast<Bytef*>(buffer.data());
    stream.avail_out = static_cast<uInt>(buffer.size());
    code = inflate(&stream, Z_NO_FLUSH);
    out.append(buffer.data(), buffer.size() - stream.avail_out);
    if (code == Z_STREAM_END && stream.avail_in > 0 && inflateReset(&stream) == Z_OK) continue;
    if (code != Z_OK || out.size() > kBytesMax) break;
  }
  inflateEnd(&stream);
  if (code != Z_STREAM_END) return MakeError(Fault::kBadData, "compressed data is cut, corrupt or too large");
  return out;
}

Result<std::vector<std::string>> UnzipMembers(std::string_view bytes) {
  constexpr int64_t kBlockBytes = int64_t{1} << 20;
  const auto file = std::make_shared<arrow::io::BufferReader>(std::make_shared<arrow::Buffer>(bytes));
  ARROW_ASSIGN_OR_RAISE(const auto archived, io::ReadZipDirectory(*file));
  std::vector<std::string> members;
  int64_t left = kBytesMax;
  for (const io::ZipMember& member : archived) {
    if (member.size_bytes > left) return MakeError(Fault::kBadData, "a ZIP archive unpacks to over 1 GiB");
    left -= member.size_bytes;
    ARROW_ASSIGN_OR_RAISE(const auto input, io::OpenZipMember(file, member, kBlockBytes));
    std::string& content = members.emplace_back(static_cast<size_t>(member.size_bytes), '\0');
    ARROW_ASSIGN_OR_RAISE(const int64_t got, input->Read(member.size_bytes, content.data()));
    FIRN_CHECK(got == member.size_bytes);
  }
  return members;
}

}  // namespace firn::source::airbyte
