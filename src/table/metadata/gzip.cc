#include "table/metadata/gzip.h"

#include <zlib.h>

#include <algorithm>
#include <memory>

namespace firn::table {
namespace {

constexpr int kGzipWindow = 15 + 16;  // zlib manual, deflateInit2: 16 added for a gzip wrapper

}  // namespace

bool IsGzip(std::string_view bytes) {
  return bytes.starts_with("\x1f\x8b");
}

Result<std::string> Gunzip(std::string_view bytes, int64_t bytes_max) {
  z_stream stream = {};
  if (inflateInit2(&stream, kGzipWindow) != Z_OK) return MakeError(Fault::kBug, "inflateInit2 failed");
  const std::unique_ptr<z_stream, int (*)(z_stream*)> owner(&stream, inflateEnd);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(std::min<size_t>(bytes.size(), ~uInt{0}));
  std::string out;
  std::string block(1 << 18, '\0');
  int code = Z_OK;
  while (code == Z_OK) {
    stream.next_out = reinterpret_cast<Bytef*>(block.data());
    stream.avail_out = static_cast<uInt>(block.size());
    code = inflate(&stream, Z_NO_FLUSH);
    out.append(block.data(), block.size() - stream.avail_out);
    if (static_cast<int64_t>(out.size()) > bytes_max) {
      return MakeError(Fault::kBadData, "gzip content is larger than the limit: " + std::to_string(bytes_max));
    }
  }
  if (code != Z_STREAM_END) return MakeError(Fault::kBadData, "gzip content is damaged or cut short");
  return out;
}

Result<std::string> Gzip(std::string_view bytes) {
  z_stream stream = {};
  if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kGzipWindow, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
    return MakeError(Fault::kBug, "deflateInit2 failed");
  }
  const std::unique_ptr<z_stream, int (*)(z_stream*)> owner(&stream, deflateEnd);
  std::string out(deflateBound(&stream, bytes.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  if (deflate(&stream, Z_FINISH) != Z_STREAM_END) return MakeError(Fault::kBug, "deflate did not finish");
  out.resize(stream.total_out);
  return out;
}

}  // namespace firn::table
