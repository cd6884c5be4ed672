#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"
#include "format/avro/encoder.h"

namespace firn::format::avro {

enum class Codec { kNull, kDeflate, kZstandard, kSnappy };

struct WriterOptions {
  std::string schema_json;
  /// Header entries besides avro.schema and avro.codec, in order.
  std::vector<std::pair<std::string, std::string>> metadata;
  Codec codec = Codec::kDeflate;   // or kNull; the others are only read
  int64_t block_bytes = 64 << 10;  // a block ends at the first record that reaches this size
};

/// Writes an object container file to memory (specification, "Object Container Files"):
///   "Obj" 1, map<string, bytes> metadata, 16 bytes sync marker,
///   then blocks: long record count, long byte count, bytes, sync marker.
/// The marker is derived from header and content, so that equal input gives equal bytes. Used by one thread.
class ContainerWriter {
 public:
  /// Errors: kBug for a codec that is not written.
  static Result<std::unique_ptr<ContainerWriter>> Make(WriterOptions options);
  virtual ~ContainerWriter() = default;

  /// Where the fields of the next record go.
  virtual Encoder& encoder() = 0;
  /// Ends the record.
  virtual Status EndRecord() = 0;
  virtual int64_t num_records() const = 0;
  /// Bytes of all records so far, before compression.
  virtual int64_t size_bytes() const = 0;
  /// Returns the file. Called once, last.
  virtual Result<std::string> Finish() = 0;
};

}  // namespace firn::format::avro
