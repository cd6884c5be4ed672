#pragma once

#include <arrow/io/type_fwd.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/status.h"

/// Archives of files in the ZIP format (PKWARE APPNOTE 6.3.10, sections 4.3 to 4.5), read by ranges:
///   (local header, name, extra field, packed content[, data descriptor])*, directory, [zip64 end,] end record.
/// The directory is what counts: what lies between its members is not looked at.
namespace firn::io {

/// A file of an archive, as the directory says.
struct ZipMember {
  std::string name;     // relative, with slashes, UTF-8
  int64_t offset = 0;   // of its local header
  int64_t end_max = 0;  // where the next member or the directory begins: its content ends before
  int64_t packed_bytes = 0;
  int64_t size_bytes = 0;  // of the content
  uint32_t crc32 = 0;      // of the content
  uint16_t method = 0;     // 0: stored, 8: deflated; others are not read
  bool is_encrypted = false;
};

inline constexpr int64_t kZipDirectoryBytesMax = int64_t{64} << 20;  // some 500,000 members

/// Returns the files of an archive in the order of its directory; folders and symbolic links are left out.
/// Errors: kBadData E0982 for what is no archive, or one that is cut off, split or damaged, a directory over
/// kZipDirectoryBytesMax, names that lead out of it or stand twice, members that overlap; those of the file.
Result<std::vector<ZipMember>> ReadZipDirectory(arrow::io::RandomAccessFile& file);

/// Opens the content of a member, unpacked, front to back; reads `block_bytes` of the archive at once. The stream ends
/// after size_bytes, and gives its last byte only if size and checksum are as the directory says.
/// Errors, of opening and of reading: kBadData E0983 for a member that is encrypted or packed otherwise, E0885 for one
/// that is said to unpack to over 1,000 times its size, or whose bytes are damaged; E0982 if its own header says
/// something else than the directory; those of the file.
Result<std::shared_ptr<arrow::io::InputStream>> OpenZipMember(std::shared_ptr<arrow::io::RandomAccessFile> file,
                                                              ZipMember member, int64_t block_bytes);

}  // namespace firn::io
