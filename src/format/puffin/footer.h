#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

/// Puffin files (Iceberg project, "Puffin file format" specification): blobs of statistics and deletion vectors.
///
///   file   = "PFA1" blob* footer
///   footer = "PFA1" payload (JSON, maybe LZ4) | int32 LE payload bytes | 4 flag bytes | "PFA1"
namespace firn::format::puffin {

inline constexpr std::string_view kMagic = "PFA1";
inline constexpr int64_t kTrailerBytes = 12;                   // payload size, flags, magic
inline constexpr int64_t kFooterBytesMax = int64_t{64} << 20;  // of the JSON
inline constexpr int64_t kBlobBytesMax = int64_t{1} << 30;     // stored, and decompressed

inline constexpr char kDeletionVectorV1[] = "deletion-vector-v1";
inline constexpr char kThetaV1[] = "apache-datasketches-theta-v1";

/// A blob as the footer describes it.
struct BlobInfo {
  std::string type;
  std::vector<int32_t> fields;   // field ids the blob is about
  int64_t snapshot_id = -1;      // -1: inherited at commit (deletion vectors)
  int64_t sequence_number = -1;  // same
  int64_t offset = 0;            // in the file
  int64_t length = 0;            // stored bytes
  std::string compression;       // empty, "lz4" or "zstd"; others are kept as read and refused by ReadBlob
  std::map<std::string, std::string> properties;

  friend bool operator==(const BlobInfo&, const BlobInfo&) = default;
};

struct Footer {
  std::vector<BlobInfo> blobs;
  std::map<std::string, std::string> properties;

  friend bool operator==(const Footer&, const Footer&) = default;
};

/// Parses the footer's JSON. `blobs_end`: offset of the footer; a blob must lie between the first magic and it.
/// Errors: kBadData.
Result<Footer> ParseFooter(std::string_view json, int64_t blobs_end);

/// Encodes footer magic, JSON (uncompressed), size, flags and magic. Errors: kBadData for text that is not UTF-8.
Result<std::string> EncodeFooter(const Footer& footer);

}  // namespace firn::format::puffin
