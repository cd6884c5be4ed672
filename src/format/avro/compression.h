#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"
#include "format/avro/container_writer.h"

namespace firn::format::avro {

/// Errors: kBadData for another name than null, deflate, zstandard or snappy.
Result<Codec> ParseCodec(std::string_view name);
std::string_view CodecName(Codec codec);

/// Compresses one block; codecs kNull and kDeflate (RFC 1951, no zlib header) only.
Result<std::string> Compress(Codec codec, std::string_view block);
/// Errors: kBadData for damaged bytes or more than `bytes_max` of content.
Result<std::string> Decompress(Codec codec, std::string_view block, int64_t bytes_max);

}  // namespace firn::format::avro
