#pragma once

#include <arrow/io/type_fwd.h>

#include <memory>
#include <string>
#include <string_view>

#include "base/status.h"
#include "format/puffin/footer.h"

namespace firn::format::puffin {

/// Reads the footer of a Puffin file: two reads at its end. `file` is borrowed. Errors: kBadData (no Puffin file,
/// truncated, damaged, unknown flags, a compression this build lacks: by name); of the file.
Result<Footer> ReadFooter(arrow::io::RandomAccessFile& file);

/// Reads one blob and decompresses it. Errors: kBadData for a codec this build lacks (by name), damaged or over-long
/// data; of the file.
Result<std::string> ReadBlob(arrow::io::RandomAccessFile& file, const BlobInfo& blob);

/// Undoes one compression: codec empty, "lz4" (one LZ4 frame) or "zstd" (one frame). `bytes_max`: of the result.
/// Errors: kBadData.
Result<std::string> Decompress(const std::string& codec, std::string_view bytes, int64_t bytes_max = kBlobBytesMax);

}  // namespace firn::format::puffin
