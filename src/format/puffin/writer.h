#pragma once

#include <arrow/io/type_fwd.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/status.h"
#include "format/puffin/footer.h"

namespace firn::format::puffin {

/// Writes a Puffin file front to back. Used by one thread. The stream is borrowed and not closed.
class PuffinWriter {
 public:
  explicit PuffinWriter(arrow::io::OutputStream& out) : out_(out) {}

  /// Appends a blob. `info`: type, fields, ids, properties and compression (empty or "zstd") are taken; offset and
  /// length are set. Returns the blob as the footer will list it. Errors: kBug for another compression; of the stream.
  Result<BlobInfo> Add(BlobInfo info, std::string_view bytes);

  /// Writes the footer. Called once, last. `properties`: of the file, for example "created-by". Returns the file's
  /// size in bytes. Errors: of the stream.
  Result<int64_t> Finish(std::map<std::string, std::string> properties = {});

  int64_t num_blobs() const { return static_cast<int64_t>(footer_.blobs.size()); }
  int64_t size_bytes() const { return size_bytes_; }  // so far, without the footer

 private:
  Status Write(std::string_view bytes);

  arrow::io::OutputStream& out_;
  Footer footer_;
  int64_t size_bytes_ = 0;
};

}  // namespace firn::format::puffin
