#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "format/csv/dialect.h"

namespace firn::format::csv {

/// A byte order mark at the begin of a file.
struct ByteOrderMark {
  Encoding encoding = Encoding::kUtf8;
  int64_t num_bytes = 0;  // 0: there is none
};
ByteOrderMark FindByteOrderMark(std::string_view first);

/// Turns text of another encoding into UTF-8, piece by piece. What the encoding has no character for (a lone surrogate,
/// a byte that windows-1252 leaves open) becomes the byte 0xFF, which is not UTF-8: the row will be bad, not changed.
class Transcoder {
 public:
  explicit Transcoder(Encoding encoding) : encoding_(encoding) {}
  /// Appends at most 3 bytes per byte. A character that the piece cuts waits for the next.
  void Append(std::string_view piece, std::string& out);
  /// Ends the text: what waited is no character.
  void Finish(std::string& out);

 private:
  void Unit(uint16_t unit, std::string& out);
  Encoding encoding_;
  std::optional<uint8_t> byte_;        // of UTF-16, first of its unit
  std::optional<uint16_t> surrogate_;  // first of its pair
};

/// How many bytes `text`, which a Transcoder made (or UTF-8 as it came), has in the file.
int64_t SourceBytes(std::string_view text, Encoding encoding);

}  // namespace firn::format::csv
