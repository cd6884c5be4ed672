#pragma once

#include <arrow/io/type_fwd.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"

/// Archives of files in the tar format (POSIX.1-2001, "pax Interchange Format"), front to back:
///   entry = header block of 512 bytes, content, zeros to the next block; two blocks of zeros end the archive.
/// Names over 100 bytes and sizes over 8 GiB are in an extended header before the entry.
namespace firn::io {

/// Writes one archive. Used by one thread. The stream is borrowed and not closed.
class TarWriter {
 public:
  explicit TarWriter(arrow::io::OutputStream& out) : out_(out) {}

  /// Begins a file of exactly `size_bytes`. `name`: relative, with slashes. `modified_s`: seconds since 1970.
  Status Begin(std::string_view name, int64_t size_bytes, int64_t modified_s);
  /// Content of the file begun. Errors: kBug for more than was said; of the stream.
  Status Write(std::string_view bytes);
  /// Ends the file. Errors: kBug for less than was said.
  Status End();
  /// Begin, Write and End.
  Status Add(std::string_view name, std::string_view bytes, int64_t modified_s);
  /// Ends the archive.
  Status Finish();

 private:
  Status Header(std::string_view name, char type, int64_t size_bytes, int64_t modified_s);

  arrow::io::OutputStream& out_;
  int64_t left_ = 0;  // of the file begun
  int64_t size_ = 0;
};

/// A file of an archive.
struct TarEntry {
  std::string name;
  int64_t size_bytes = 0;
};

/// Reads one archive. Used by one thread. The stream is borrowed.
class TarReader {
 public:
  static constexpr int64_t kExtendedBytesMax = 1 << 20;

  explicit TarReader(arrow::io::InputStream& in) : in_(in) {}

  /// The next file; nullopt at the end of the archive. Content that was not read is passed over. Errors: kBadData for
  /// what is no such archive, other kinds of entries, and an archive that ends early.
  Result<std::optional<TarEntry>> Next();
  /// Reads up to `bytes_max` of the file's content; empty at its end. Errors: kBadData if the archive ends early.
  Result<std::string> Read(int64_t bytes_max);

 private:
  Result<std::string> Exactly(int64_t num_bytes);
  Status PassOver();
  Status Extend(std::string_view records, TarEntry* entry);

  arrow::io::InputStream& in_;
  int64_t left_ = 0;
  int64_t padding_ = 0;
};

/// True for a name that stays below the folder it is put into.
bool IsSafeName(std::string_view name);

}  // namespace firn::io
