#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "table/delete/position_set.h"
#include "table/manifest/data_file.h"

namespace firn::io {
class FileStore;
class OutputFile;
}  // namespace firn::io

/// Deletion vectors, format version 3 (Iceberg spec, "Deletion Vectors"; Puffin spec, "deletion-vector-v1 blob type").
namespace firn::table {

/// Field id of the reserved column _pos: what a deletion vector's blob is about.
inline constexpr int32_t kRowPositionFieldId = 2147483645;

/// Encodes the blob:
///   int32 BE bytes of magic and vector | D1 D3 39 64 | vector (PositionSet::Serialize) | CRC-32 BE of magic and vector
std::string EncodeDeletionVector(const PositionSet& positions);
/// Decodes it. Errors: kBadData for a wrong length, magic, checksum or vector.
Result<PositionSet> DecodeDeletionVector(std::string_view blob);

/// Reads the vector a manifest entry lists, by its offset and size (the Puffin footer is not needed), and checks that
/// it has as many positions as the entry says. Errors: kBadData; of the file store.
Result<PositionSet> ReadDeletionVector(io::FileStore& files, const DataFile& entry);

/// Writes the vectors of many data files into one Puffin file. Used by one thread. Destroyed before Finish, it deletes
/// what it wrote.
class DeletionVectorFileWriter {
 public:
  /// `location`: of the new file; must not exist. The file is made at once. Errors: of the file store.
  static Result<std::unique_ptr<DeletionVectorFileWriter>> Open(io::FileStore& files, std::string location);
  virtual ~DeletionVectorFileWriter() = default;
  /// Writes the vector of one data file (its path, spec id and partition are taken). `positions` must not be empty; a
  /// data file has one vector, so that it is added once.
  virtual Status Add(const DataFile& data_file, const PositionSet& positions) = 0;
  /// Bytes of the file so far.
  virtual int64_t size_bytes() const = 0;
  /// Ends the file and makes it durable. Returns one entry per vector, in order of Add: all have the file's path and
  /// size, each its offset. Called once, last. Errors: kBug if nothing was added.
  virtual Result<std::vector<DataFile>> Finish() = 0;
};

}  // namespace firn::table
