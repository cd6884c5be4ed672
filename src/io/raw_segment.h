#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "io/file_store.h"
#include "io/raw_archive.h"
#include "io/raw_cipher.h"

/// One file of a raw archive as bytes: plain (version 1) or sealed (version 3). Format: docs/spec/raw_archive.md.
namespace firn::io {

inline constexpr std::string_view kRawSuffix = ".firnraw";
inline constexpr int64_t kRawMagicBytes = 8;

/// "000003.firnraw".
std::string RawSegmentName(int64_t number);
/// What the messages of a sealed segment are bound to.
std::string RawSegmentContext(const RawArchivePlace& place, int64_t number);

/// First bytes of a segment; `cipher`: null for a plain one.
std::string EncodeRawHead(const RawCipher* cipher);
/// `stored`: the compressed body. `number`: of the entry in its segment, from 0.
Result<std::string> EncodeRawEntry(const RawEntry& entry, const std::string& stored, const RawCipher* cipher,
                                   uint64_t number);
/// Reads the bytes of a plain or opened entry. `where`: for messages. Errors: kBadData for damage.
Result<RawEntry> DecodeRawEntry(const std::string& where, std::string_view bytes);
/// Last bytes of a segment. `offsets`: of its entries.
Result<std::string> EncodeRawIndex(const std::vector<int64_t>& offsets, int64_t first_ordinal, const RawCipher* cipher);
/// Returns a body as one zstd frame.
Result<std::string> CompressRaw(std::string_view body, int level);

/// A segment that was ended, opened for reading.
struct RawSegment {
  std::string location;
  int64_t first_ordinal = 0;
  std::vector<int64_t> offsets;
  int64_t entries_end = 0;  // offset of the index
  std::optional<RawCipher> cipher;
};

/// Opens a segment; nullopt if it was never ended. Errors: kBadData for damage and unknown versions; kConfig E0866.
Result<std::optional<RawSegment>> OpenRawSegment(FileStore& store, const std::string& location,
                                                 const RawArchivePlace& place, int64_t number, const RawKeys& keys);
/// Reads the entry at `index` of `offsets`.
Result<RawEntry> ReadRawEntry(FileStore& store, const RawSegment& segment, size_t index);
/// Returns what a segment is sealed with; nullopt if the file is too short to tell. Errors: kBadData.
Result<std::optional<RawSeal>> ReadRawSeal(FileStore& store, const std::string& location);

/// kBadData: "raw archive is damaged: LOCATION, WHAT".
Status RawDamaged(const std::string& location, const std::string& what);

}  // namespace firn::io
