#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace firn::format::parquet {

/// The encodings of values that are written (parquet.thrift, enum Encoding).
enum class ValueEncoding { kPlain = 0, kRleDictionary = 8 };

/// A page header (parquet.thrift, struct PageHeader, with DataPageHeader or DictionaryPageHeader) in Thrift's compact
/// protocol. Levels are RLE. libparquet's own writer of headers compresses dictionary pages with a context of its own
/// per column, which costs more than a small page.
struct PageHeader {
  bool is_dictionary = false;
  int32_t num_values = 0;
  ValueEncoding encoding = ValueEncoding::kPlain;
  int32_t uncompressed_bytes = 0;
  int32_t compressed_bytes = 0;
  std::optional<uint32_t> crc32;  // of the page as it is in the file, without this header

  std::string Encode() const;
};

}  // namespace firn::format::parquet
