#include "source/airbyte/zip_member.h"

#include <zlib.h>

#include <array>

namespace firn::source::airbyte {
namespace {

constexpr size_t kBytesMax = size_t{1} << 30;

// `window`: zlib's windowBits, 31 for gzip, -15 for a raw stream.
Result<std::string> Inflate(std::string_view bytes, int window) {
  z_stream stream{};
  if (inflateInit2(&stream, window) != Z_OK) return MakeError(Fault::kBug, "zlib cannot start");
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
    if (code == Z_STREAM_END && window > 0 && stream.avail_in > 0 && inflateReset(&stream) == Z_OK) continue;
    if (code != Z_OK || out.size() > kBytesMax) break;
  }
  inflateEnd(&stream);
  if (code != Z_STREAM_END) return MakeError(Fault::kBadData, "compressed data is cut, corrupt or too large");
  return out;
}

uint32_t Number(std::string_view bytes, size_t at, int width) {
  uint32_t out = 0;
  for (int i = width - 1; i >= 0; --i)
    out = (out << 8) | static_cast<unsigned char>(bytes[at + static_cast<size_t>(i)]);
  return out;
}

}  // namespace

Result<std::string> Gunzip(std::string_view bytes) {
  return Inflate(bytes, 31);
}

Result<std::vector<std::string>> UnzipMembers(std::string_view bytes) {
  const Status bad = MakeError(Fault::kBadData, "not a ZIP archive");
  const size_t end = bytes.rfind("PK\x05\x06");
  if (end == std::string_view::npos || end + 22 > bytes.size()) return bad;
  const uint32_t count = Number(bytes, end + 10, 2);
  size_t at = Number(bytes, end + 16, 4);
  std::vector<std::string> members;
  size_t total = 0;
  for (uint32_t i = 0; i < count; ++i) {
    if (at + 46 > bytes.size() || !bytes.substr(at).starts_with("PK\x01\x02")) return bad;
    const uint32_t method = Number(bytes, at + 10, 2);
    const uint32_t size = Number(bytes, at + 20, 4);
    const size_t local = Number(bytes, at + 42, 4);
    const size_t name_bytes = Number(bytes, at + 28, 2);
    const std::string_view name = bytes.substr(at + 46, name_bytes);
    at += 46 + name_bytes + Number(bytes, at + 30, 2) + Number(bytes, at + 32, 2);
    if (name.ends_with('/')) continue;
    if (local + 30 > bytes.size()) return bad;
    const size_t begin = local + 30 + Number(bytes, local + 26, 2) + Number(bytes, local + 28, 2);
    if (begin + size > bytes.size() || (method != 0 && method != 8)) return bad;
    std::string content(bytes.substr(begin, size));
    if (method == 8) {
      ARROW_ASSIGN_OR_RAISE(content, Inflate(bytes.substr(begin, size), -15));
    }
    total += content.size();
    if (total > kBytesMax) return bad;
    members.push_back(std::move(content));
  }
  return members;
}

}  // namespace firn::source::airbyte
