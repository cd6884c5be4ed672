#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "base/status.h"
#include "format/avro/schema.h"
#include "format/avro/value.h"

namespace firn::format::avro {

struct ReaderOptions {
  std::set<int32_t> skip_field_ids;              // Iceberg ids of record fields to read as null
  int64_t block_bytes_max = int64_t{256} << 20;  // decompressed
};

/// Reads an object container file of codec null, deflate, zstandard or snappy. Used by one thread.
class ContainerReader {
 public:
  /// `bytes`: the whole file, borrowed for the reader's life. Errors: kBadData.
  static Result<std::unique_ptr<ContainerReader>> Open(std::string_view bytes, ReaderOptions options = {});
  virtual ~ContainerReader() = default;

  virtual const NodePtr& schema() const = 0;
  /// Header entries, avro.schema and avro.codec among them.
  virtual const std::map<std::string, std::string>& metadata() const = 0;
  /// Returns the next record, nullopt at the end. Errors: kBadData; not called again after one.
  virtual Result<std::optional<Value>> Next() = 0;
};

}  // namespace firn::format::avro
