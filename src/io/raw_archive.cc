// Format: docs/spec/raw_archive.md, version 1. All integers are little-endian.
//
//   segment := "FIRNRAW" version:u8  entry*  index
//   entry   := meta_bytes:u32 stored_bytes:u64 xxh3:16 bytes (of meta and stored)  meta (JSON)  stored (one zstd frame)
//   index   := JSON  json_bytes:u32 xxh3:16 bytes (of the JSON)  "FIRNEND" version:u8
#include "io/raw_archive.h"

#include <arrow/buffer.h>
#include <zstd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "base/failpoint.h"
#include "base/hash.h"
#include "base/redactor.h"
#include "base/thread_annotations.h"
#include "io/body_buffer.h"
#include "io/http_client.h"
#include "io/url.h"

namespace firn::io {
namespace {

using Json = nlohmann::json;

constexpr char kVersion = 1;
constexpr std::string_view kHeadMagic = "FIRNRAW";
constexpr std::string_view kEndMagic = "FIRNEND";
constexpr int64_t kMagicBytes = 8;
constexpr int64_t kHashBytes = 16;
constexpr int64_t kEntryHeadBytes = 4 + 8 + kHashBytes;
constexpr int64_t kTrailerBytes = 4 + kHashBytes + kMagicBytes;
constexpr int64_t kMetaBytesMax = 16 << 20;
constexpr int64_t kBodyBytesMax = int64_t{1} << 31;
constexpr std::string_view kSuffix = ".firnraw";

bool IsPlain(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '-';
}

std::string EscapeName(std::string_view name) {
  std::string out;
  for (const char c : name) {
    if (IsPlain(c) || (c == '.' && !out.empty())) {
      out += c;
    } else {
      const auto byte = static_cast<uint8_t>(c);
      out += "~" + HexOf(&byte, 1);
    }
  }
  return out;
}

std::string UnescapeName(std::string_view name) {
  std::string out;
  for (size_t at = 0; at < name.size(); ++at) {
    if (name[at] == '~' && at + 2 < name.size()) {
      out += static_cast<char>(std::strtol(std::string(name.substr(at + 1, 2)).c_str(), nullptr, 16));
      at += 2;
    } else {
      out += name[at];
    }
  }
  return out;
}

std::string FolderOfTable(const std::string& root, const std::string& pipeline, const std::string& table) {
  return root + "/" + EscapeName(pipeline) + "/" + EscapeName(table);
}
std::string FolderOfRun(const RawArchivePlace& place) {
  return FolderOfTable(place.root, place.pipeline, place.table) + "/" + EscapeName(place.run);
}
std::string SegmentName(int64_t number) {
  char text[32];
  std::snprintf(text, sizeof text, "%06lld", static_cast<long long>(number));
  return text + std::string(kSuffix);
}

void PutInteger(std::string* out, uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) *out += static_cast<char>(value >> (8 * i));
}
uint64_t GetInteger(const uint8_t* from, int bytes) {
  uint64_t value = 0;
  for (int i = 0; i < bytes; ++i) value |= static_cast<uint64_t>(from[i]) << (8 * i);
  return value;
}
void PutHash(std::string* out, const Hash128& hash) {
  PutInteger(out, hash.low, 8);
  PutInteger(out, hash.high, 8);
}
Hash128 GetHash(const uint8_t* from) {
  return {.high = GetInteger(from + 8, 8), .low = GetInteger(from, 8)};
}
std::string_view ViewOf(const arrow::Buffer& buffer) {
  return {reinterpret_cast<const char*>(buffer.data()), static_cast<size_t>(buffer.size())};
}

std::string Dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string MetaOf(const RawEntry& entry) {
  return Dump(Json{{"ordinal", entry.ordinal},
                   {"method", entry.method},
                   {"url", RedactUrl(entry.url)},
                   {"status", entry.status},
                   {"time", FormatTimestamp(entry.time)},
                   {"split", entry.split},
                   {"context", ProcessRedactor().Redact(entry.context)},
                   {"body_bytes", entry.body->size()}});
}

Result<std::string> Compress(std::string_view bytes, int level) {
  std::string out(ZSTD_compressBound(bytes.size()), '\0');
  const size_t size = ZSTD_compress(out.data(), out.size(), bytes.data(), bytes.size(), level);
  if (ZSTD_isError(size) != 0) return MakeError(Fault::kBug, std::string("zstd: ") + ZSTD_getErrorName(size));
  out.resize(size);
  return out;
}

std::string EncodeEntry(const std::string& meta, const std::string& stored) {
  std::string head;
  PutInteger(&head, meta.size(), 4);
  PutInteger(&head, stored.size(), 8);
  PutHash(&head, Xxh3(meta + stored));
  return head + meta + stored;
}

std::string EncodeIndex(const std::vector<int64_t>& offsets, int64_t first_ordinal) {
  std::string out = Dump(Json{{"version", kVersion}, {"first_ordinal", first_ordinal}, {"offsets", offsets}});
  const Hash128 hash = Xxh3(out);
  PutInteger(&out, out.size(), 4);
  PutHash(&out, hash);
  out += kEndMagic;
  out += kVersion;
  return out;
}

Status Damaged(const std::string& location, const std::string& what) {
  return MakeError(Fault::kBadData, "raw archive is damaged: " + location + ", " + what);
}

struct Index {
  int64_t first_ordinal = 0;
  std::vector<int64_t> offsets;
  int64_t entries_end = 0;  // offset of the index
};

Status CheckVersion(const std::string& location, std::string_view bytes, std::string_view expected) {
  if (bytes.substr(0, 7) != expected) return Damaged(location, "not a segment");
  if (bytes[7] == kVersion) return Status::OK();
  return MakeError(
      Fault::kBadData,
      "raw archive has version " + std::to_string(static_cast<int>(bytes[7])) + ", this build knows 1: " + location,
      {.next = "read it with a newer firn"});
}

// Returns nullopt for a segment that was never ended.
Result<std::optional<Index>> ReadIndex(FileStore& store, const std::string& location) {
  ARROW_ASSIGN_OR_RAISE(const int64_t size, store.Size(location));
  if (size < kMagicBytes + kTrailerBytes) return std::nullopt;
  ARROW_ASSIGN_OR_RAISE(const auto head, store.ReadRange(location, 0, kMagicBytes));
  ARROW_RETURN_NOT_OK(CheckVersion(location, ViewOf(*head), kHeadMagic));
  ARROW_ASSIGN_OR_RAISE(const auto trailer, store.ReadRange(location, size - kTrailerBytes, kTrailerBytes));
  const std::string_view end_mark = ViewOf(*trailer).substr(kTrailerBytes - kMagicBytes);
  if (!end_mark.starts_with(kEndMagic)) return std::nullopt;
  ARROW_RETURN_NOT_OK(CheckVersion(location, end_mark, kEndMagic));
  const auto json_bytes = static_cast<int64_t>(GetInteger(trailer->data(), 4));
  Index index{.entries_end = size - kTrailerBytes - json_bytes};
  if (index.entries_end < kMagicBytes) return Damaged(location, "index length");
  ARROW_ASSIGN_OR_RAISE(const auto text, store.ReadRange(location, index.entries_end, json_bytes));
  if (Xxh3(ViewOf(*text)) != GetHash(trailer->data() + 4)) return Damaged(location, "index checksum");
  const Json json = Json::parse(ViewOf(*text), nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || !json.contains("offsets") || !json["offsets"].is_array() ||
      !json.value("first_ordinal", Json()).is_number_integer()) {
    return Damaged(location, "index");
  }
  index.first_ordinal = json["first_ordinal"].get<int64_t>();
  for (const Json& offset : json["offsets"]) {
    if (!offset.is_number_integer()) return Damaged(location, "index");
    index.offsets.push_back(offset.get<int64_t>());
  }
  return index;
}

Result<std::vector<std::string>> Segments(FileStore& store, const RawArchivePlace& place) {
  ARROW_ASSIGN_OR_RAISE(const auto files, store.List(FolderOfRun(place)));
  std::vector<std::string> segments;
  for (const FileInfo& file : files) {
    if (file.location.ends_with(kSuffix)) segments.push_back(file.location);
  }
  return segments;
}

class Writer : public RawArchiveWriter {
 public:
  Writer(FileStore& store, std::string folder, RawArchiveOptions options)
      : store_(store), folder_(std::move(folder)), options_(options) {}

  Status Resume(const RawArchivePlace& place) {
    MutexLock lock(mutex_);
    ARROW_ASSIGN_OR_RAISE(const auto segments, Segments(store_, place));
    for (const std::string& location : segments) {
      ARROW_ASSIGN_OR_RAISE(const auto index, ReadIndex(store_, location));
      if (index) next_ordinal_ = index->first_ordinal + static_cast<int64_t>(index->offsets.size());
    }
    next_segment_ = static_cast<int64_t>(segments.size());
    return Status::OK();
  }

  Result<int64_t> Append(RawEntry entry) override {
    FIRN_CHECK(entry.body != nullptr);
    ARROW_ASSIGN_OR_RAISE(const std::string stored, Compress(ViewOf(*entry.body), options_.compression_level));
    MutexLock lock(mutex_);  // the lock orders one append-only stream, so the write belongs under it
    ARROW_RETURN_NOT_OK(broken_);
    entry.ordinal = next_ordinal_;
    const Status status = Put(EncodeEntry(MetaOf(entry), stored));
    if (!status.ok()) return broken_ = status;
    ++next_ordinal_;
    if (written_ >= options_.segment_bytes_max) ARROW_RETURN_NOT_OK(EndSegment());
    return entry.ordinal;
  }

  Status Sync() override {
    MutexLock lock(mutex_);
    ARROW_RETURN_NOT_OK(broken_);
    return EndSegment();
  }

 private:
  Status Put(const std::string& bytes) FIRN_REQUIRES(mutex_) {
    if (segment_ == nullptr) {
      ARROW_ASSIGN_OR_RAISE(segment_, store_.OpenOutput(folder_ + "/" + SegmentName(next_segment_)));
      ++next_segment_;
      first_ordinal_ = next_ordinal_;
      std::string head(kHeadMagic);
      head += kVersion;
      ARROW_RETURN_NOT_OK(segment_->Write(head));
      written_ = kMagicBytes;
    }
    ARROW_RETURN_NOT_OK(segment_->Write(bytes));
    offsets_.push_back(written_);
    written_ += static_cast<int64_t>(bytes.size());
    return Status::OK();
  }

  Status EndSegment() FIRN_REQUIRES(mutex_) {
    if (segment_ == nullptr) return Status::OK();
    const Status status = FinishFile();
    segment_.reset();
    offsets_.clear();
    written_ = 0;
    if (!status.ok()) broken_ = status;  // entries are missing from here on: nothing may be committed on them
    return status;
  }

  Status FinishFile() FIRN_REQUIRES(mutex_) {
    ARROW_RETURN_NOT_OK(segment_->Write(EncodeIndex(offsets_, first_ordinal_)));
    FIRN_FAILPOINT("io.raw_before_sync");
    ARROW_RETURN_NOT_OK(segment_->Close());
    FIRN_FAILPOINT("io.raw_after_sync");
    return Status::OK();
  }

  FileStore& store_;
  const std::string folder_;
  const RawArchiveOptions options_;
  Mutex mutex_;
  std::shared_ptr<OutputFile> segment_ FIRN_GUARDED_BY(mutex_);
  std::vector<int64_t> offsets_ FIRN_GUARDED_BY(mutex_);
  int64_t written_ FIRN_GUARDED_BY(mutex_) = 0;
  int64_t first_ordinal_ FIRN_GUARDED_BY(mutex_) = 0;
  int64_t next_ordinal_ FIRN_GUARDED_BY(mutex_) = 0;
  int64_t next_segment_ FIRN_GUARDED_BY(mutex_) = 0;
  Status broken_ FIRN_GUARDED_BY(mutex_);
};

class Reader : public RawArchiveReader {
 public:
  Reader(FileStore& store, std::vector<std::string> segments) : store_(store), segments_(std::move(segments)) {}

  Status CheckNames() const {
    for (size_t i = 0; i < segments_.size(); ++i) {
      const std::string expected = "/" + SegmentName(static_cast<int64_t>(i));
      if (!segments_[i].ends_with(expected)) return Damaged(segments_[i], "segment missing before it");
    }
    return Status::OK();
  }

  Result<std::optional<RawEntry>> Next() override {
    while (entry_ >= index_.offsets.size()) {
      if (segment_ == segments_.size()) return std::nullopt;
      ARROW_ASSIGN_OR_RAISE(auto index, ReadIndex(store_, segments_[segment_++]));
      entry_ = 0;
      num_unfinished_ += index ? 0 : 1;
      index_ = index ? *std::move(index) : Index{};
    }
    const size_t at = entry_++;
    const bool last = at + 1 == index_.offsets.size();
    const int64_t end = last ? index_.entries_end : index_.offsets[at + 1];
    return ReadEntry(segments_[segment_ - 1], index_.offsets[at], end);
  }
  int64_t num_unfinished() const override { return num_unfinished_; }

 private:
  Result<std::optional<RawEntry>> ReadEntry(const std::string& location, int64_t begin, int64_t end) {
    if (begin < kMagicBytes || end - begin < kEntryHeadBytes) return Damaged(location, "entry offsets");
    ARROW_ASSIGN_OR_RAISE(const auto bytes, store_.ReadRange(location, begin, end - begin));
    const auto meta_bytes = static_cast<int64_t>(GetInteger(bytes->data(), 4));
    const auto stored_bytes = static_cast<int64_t>(GetInteger(bytes->data() + 4, 8));
    if (meta_bytes > kMetaBytesMax || stored_bytes != bytes->size() - kEntryHeadBytes - meta_bytes) {
      return Damaged(location, "entry lengths at offset " + std::to_string(begin));
    }
    const std::string_view payload = ViewOf(*bytes).substr(static_cast<size_t>(kEntryHeadBytes));
    if (Xxh3(payload) != GetHash(bytes->data() + 12)) {
      return Damaged(location, "entry checksum at offset " + std::to_string(begin));
    }
    return Decode(location, payload.substr(0, static_cast<size_t>(meta_bytes)),
                  payload.substr(static_cast<size_t>(meta_bytes)));
  }

  static Result<std::optional<RawEntry>> Decode(const std::string& location, std::string_view meta,
                                                std::string_view stored) {
    const Json json = Json::parse(meta, nullptr, /*allow_exceptions=*/false);
    const auto text = [&](const char* name) {
      return json.contains(name) && json[name].is_string() ? json[name].get<std::string>() : std::string();
    };
    const auto number = [&](const char* name) {
      return json.contains(name) && json[name].is_number_integer() ? json[name].get<int64_t>() : int64_t{-1};
    };
    if (!json.is_object()) return Damaged(location, "entry description");
    const int64_t body_bytes = number("body_bytes");
    if (body_bytes < 0 || body_bytes > kBodyBytesMax) return Damaged(location, "body length");
    RawEntry entry{.method = text("method"),
                   .url = text("url"),
                   .status = static_cast<int>(number("status")),
                   .split = text("split"),
                   .context = text("context"),
                   .ordinal = number("ordinal")};
    ARROW_ASSIGN_OR_RAISE(entry.time, ParseTimestamp(text("time")));
    BodyBuffer body(kBodyBytesMax, arrow::default_memory_pool());
    int64_t room_bytes = 0;
    ARROW_ASSIGN_OR_RAISE(uint8_t* room, body.Room(body_bytes, &room_bytes));
    const size_t size = ZSTD_decompress(room, static_cast<size_t>(body_bytes), stored.data(), stored.size());
    if (ZSTD_isError(size) != 0 || static_cast<int64_t>(size) != body_bytes) return Damaged(location, "body");
    ARROW_RETURN_NOT_OK(body.Commit(body_bytes));
    ARROW_ASSIGN_OR_RAISE(entry.body, body.Finish());
    return entry;
  }

  FileStore& store_;
  const std::vector<std::string> segments_;
  size_t segment_ = 0;  // next to open
  size_t entry_ = 0;    // next of the open one
  Index index_;
  int64_t num_unfinished_ = 0;
};

}  // namespace

Result<std::unique_ptr<RawArchiveWriter>> RawArchiveWriter::Open(FileStore& store, const RawArchivePlace& place,
                                                                 RawArchiveOptions options) {
  auto writer = std::make_unique<Writer>(store, FolderOfRun(place), options);
  ARROW_RETURN_NOT_OK(writer->Resume(place));
  return writer;
}

Result<std::unique_ptr<RawArchiveReader>> RawArchiveReader::Open(FileStore& store, const RawArchivePlace& place) {
  ARROW_ASSIGN_OR_RAISE(auto segments, Segments(store, place));
  auto reader = std::make_unique<Reader>(store, std::move(segments));
  ARROW_RETURN_NOT_OK(reader->CheckNames());
  return reader;
}

std::string RawRunFolder(const RawArchivePlace& place) {
  return FolderOfRun(place);
}

Result<std::vector<std::string>> ListRawRuns(FileStore& store, const std::string& root, const std::string& pipeline,
                                             const std::string& table) {
  const std::string folder = FolderOfTable(root, pipeline, table);
  ARROW_ASSIGN_OR_RAISE(const auto files, store.List(folder));
  std::set<std::string> runs;
  for (const FileInfo& file : files) {
    const std::string_view below = std::string_view(file.location).substr(folder.size() + 1);
    const size_t slash = below.find('/');
    if (slash != std::string_view::npos && below.ends_with(kSuffix)) runs.insert(UnescapeName(below.substr(0, slash)));
  }
  return std::vector<std::string>(runs.begin(), runs.end());
}

}  // namespace firn::io
