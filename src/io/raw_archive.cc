// Files and folders of an archive; the bytes of a file are raw_segment's.
#include "io/raw_archive.h"

#include <arrow/buffer.h>

#include <algorithm>
#include <condition_variable>
#include <filesystem>
#include <set>
#include <utility>

#include "base/bounded_queue.h"
#include "base/failpoint.h"
#include "base/hash.h"
#include "base/task_group.h"
#include "base/thread_annotations.h"
#include "io/object_location.h"
#include "io/raw_segment.h"

namespace firn::io {
namespace {

constexpr std::string_view kDatasetPrefix = "dataset=";
constexpr int64_t kQueueBytesMax = 16 << 20;  // of bodies that wait to be compressed

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

// An escaped name has no '=', so the folder of a dataset is never that of a table of version 1.
std::string FolderOfTable(const RawArchivePlace& place) {
  const std::string dataset =
      place.dataset.empty() ? "" : "/" + std::string(kDatasetPrefix) + EscapeName(place.dataset);
  return place.root + "/" + EscapeName(place.pipeline) + dataset + "/" + EscapeName(place.table);
}
std::string FolderOfRun(const RawArchivePlace& place) {
  return FolderOfTable(place) + "/" + EscapeName(place.run);
}
Result<std::vector<std::string>> Segments(FileStore& store, const RawArchivePlace& place) {
  ARROW_ASSIGN_OR_RAISE(const auto files, store.List(FolderOfRun(place)));
  std::vector<std::string> segments;
  for (const FileInfo& file : files) {
    if (file.location.ends_with(kRawSuffix)) segments.push_back(file.location);
  }
  return segments;
}

class Writer : public RawArchiveWriter {
 public:
  Writer(FileStore& store, RawArchivePlace place, RawArchiveOptions options)
      : store_(store), place_(std::move(place)), options_(std::move(options)) {
    thread_.Spawn([this](std::stop_token stop) { return WriteEntries(std::move(stop)); });
  }

  Status Resume() {
    MutexLock lock(mutex_);
    ARROW_ASSIGN_OR_RAISE(const auto segments, Segments(store_, place_));
    for (const std::string& location : segments) {
      ARROW_ASSIGN_OR_RAISE(const auto segment, OpenRawSegment(store_, location, place_, next_segment_, options_.keys));
      if (segment) next_ordinal_ = segment->first_ordinal + static_cast<int64_t>(segment->offsets.size());
      ++next_segment_;
    }
    return Status::OK();
  }

  Result<int64_t> Append(RawEntry entry) override {
    FIRN_CHECK(entry.body != nullptr);
    const int64_t size = entry.body->size();
    MutexLock order(order_);  // ordinals enter the queue in their order; a full queue blocks every caller alike
    {
      MutexLock lock(mutex_);
      ARROW_RETURN_NOT_OK(broken_);
      entry.ordinal = next_ordinal_++;
      ++num_queued_;
    }
    const int64_t ordinal = entry.ordinal;
    ARROW_RETURN_NOT_OK(queue_.Push(std::move(entry), size, thread_.stop_token()));
    return ordinal;
  }

  Status Sync() override {
    MutexLock lock(mutex_);
    written_all_.wait(lock, [&]() FIRN_REQUIRES(mutex_) { return num_queued_ == 0 || !broken_.ok(); });
    ARROW_RETURN_NOT_OK(broken_);
    return EndSegment();
  }

  int64_t num_entries() override {
    MutexLock lock(mutex_);
    return next_ordinal_;
  }

 private:
  // Compresses and writes what was appended, in order.
  Status WriteEntries(std::stop_token stop) {
    while (true) {
      ARROW_ASSIGN_OR_RAISE(const auto entry, queue_.Pop(stop));
      if (!entry) return Status::OK();
      const std::string_view body(reinterpret_cast<const char*>(entry->body->data()),
                                  static_cast<size_t>(entry->body->size()));
      const auto stored = CompressRaw(body, options_.compression_level);
      {
        MutexLock lock(mutex_);  // the lock orders one append-only stream, so the write belongs under it
        const Status status = stored.ok() ? Write(*entry, *stored) : stored.status();
        if (broken_.ok()) broken_ = status;
        --num_queued_;
        if (!broken_.ok()) num_queued_ = 0;
      }
      written_all_.notify_all();
    }
  }

  Status Write(const RawEntry& entry, const std::string& stored) FIRN_REQUIRES(mutex_) {
    ARROW_RETURN_NOT_OK(broken_);
    if (segment_ == nullptr) ARROW_RETURN_NOT_OK(BeginSegment(entry.ordinal));
    ARROW_ASSIGN_OR_RAISE(const std::string bytes, EncodeRawEntry(entry, stored, cipher(), offsets_.size()));
    ARROW_RETURN_NOT_OK(segment_->Write(bytes));
    offsets_.push_back(written_);
    written_ += static_cast<int64_t>(bytes.size());
    return written_ >= options_.segment_bytes_max ? EndSegment() : Status::OK();
  }

  Status BeginSegment(int64_t ordinal) FIRN_REQUIRES(mutex_) {
    cipher_.reset();
    if (options_.keys.write) {
      ARROW_ASSIGN_OR_RAISE(auto made, RawCipher::New(*options_.keys.write, RawSegmentContext(place_, next_segment_)));
      cipher_.emplace(std::move(made));
    }
    ARROW_ASSIGN_OR_RAISE(segment_, store_.OpenOutput(FolderOfRun(place_) + "/" + RawSegmentName(next_segment_)));
    ++next_segment_;
    first_ordinal_ = ordinal;
    const std::string head = EncodeRawHead(cipher());
    ARROW_RETURN_NOT_OK(segment_->Write(head));
    written_ = static_cast<int64_t>(head.size());
    return Status::OK();
  }

  const RawCipher* cipher() const FIRN_REQUIRES(mutex_) { return cipher_ ? &*cipher_ : nullptr; }

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
    ARROW_ASSIGN_OR_RAISE(const std::string index, EncodeRawIndex(offsets_, first_ordinal_, cipher()));
    ARROW_RETURN_NOT_OK(segment_->Write(index));
    FIRN_FAILPOINT("io.raw_before_sync");
    ARROW_RETURN_NOT_OK(segment_->Close());
    FIRN_FAILPOINT("io.raw_after_sync");
    return Status::OK();
  }

  FileStore& store_;
  const RawArchivePlace place_;
  const RawArchiveOptions options_;
  Mutex mutex_;
  std::shared_ptr<OutputFile> segment_ FIRN_GUARDED_BY(mutex_);
  std::optional<RawCipher> cipher_ FIRN_GUARDED_BY(mutex_);  // of the segment; nullopt: it is plain
  std::vector<int64_t> offsets_ FIRN_GUARDED_BY(mutex_);
  int64_t written_ FIRN_GUARDED_BY(mutex_) = 0;
  int64_t first_ordinal_ FIRN_GUARDED_BY(mutex_) = 0;
  int64_t next_ordinal_ FIRN_GUARDED_BY(mutex_) = 0;
  int64_t next_segment_ FIRN_GUARDED_BY(mutex_) = 0;
  int64_t num_queued_ FIRN_GUARDED_BY(mutex_) = 0;  // appended, not yet written
  Status broken_ FIRN_GUARDED_BY(mutex_);
  std::condition_variable_any written_all_;
  Mutex order_;  // taken before mutex_
  BoundedQueue<RawEntry> queue_{kQueueBytesMax};
  TaskGroup thread_;  // last: it ends before the rest is destroyed
};

class Reader : public RawArchiveReader {
 public:
  Reader(FileStore& store, RawArchivePlace place, std::vector<std::string> segments, RawReadOptions options)
      : store_(store), place_(std::move(place)), segments_(std::move(segments)), options_(std::move(options)) {}

  Status CheckNames() const {
    for (size_t i = 0; i < segments_.size(); ++i) {
      const std::string expected = "/" + RawSegmentName(static_cast<int64_t>(i));
      if (!segments_[i].ends_with(expected)) return RawDamaged(segments_[i], "segment missing before it");
    }
    return Status::OK();
  }

  Result<std::optional<RawEntry>> Next() override {
    while (entry_ >= open_.offsets.size()) {
      if (segment_ == segments_.size()) return AtEnd();
      ARROW_ASSIGN_OR_RAISE(auto segment, OpenRawSegment(store_, segments_[segment_], place_,
                                                         static_cast<int64_t>(segment_), options_.keys));
      ++segment_;
      entry_ = 0;
      num_unfinished_ += segment ? 0 : 1;
      open_ = segment ? *std::move(segment) : RawSegment{};
    }
    ARROW_ASSIGN_OR_RAISE(RawEntry entry, ReadRawEntry(store_, open_, entry_));
    ++entry_;
    ++num_entries_;
    return entry;
  }
  int64_t num_unfinished() const override { return num_unfinished_; }

 private:
  Result<std::optional<RawEntry>> AtEnd() const {
    if (num_entries_ >= options_.entries_min) return std::nullopt;
    return RawDamaged(FolderOfRun(place_), "it has " + std::to_string(num_entries_) + " entries, and " +
                                               std::to_string(options_.entries_min) + " were committed");
  }

  FileStore& store_;
  const RawArchivePlace place_;
  const std::vector<std::string> segments_;
  const RawReadOptions options_;
  size_t segment_ = 0;  // next to open
  size_t entry_ = 0;    // next of the open one
  RawSegment open_;
  int64_t num_entries_ = 0;
  int64_t num_unfinished_ = 0;
};

}  // namespace

Result<std::unique_ptr<RawArchiveWriter>> RawArchiveWriter::Open(FileStore& store, const RawArchivePlace& place,
                                                                 RawArchiveOptions options) {
  auto writer = std::make_unique<Writer>(store, place, std::move(options));
  ARROW_RETURN_NOT_OK(writer->Resume());
  return writer;
}

Result<std::unique_ptr<RawArchiveReader>> RawArchiveReader::Open(FileStore& store, const RawArchivePlace& place,
                                                                 RawReadOptions options) {
  ARROW_ASSIGN_OR_RAISE(auto segments, Segments(store, place));
  auto reader = std::make_unique<Reader>(store, place, std::move(segments), std::move(options));
  ARROW_RETURN_NOT_OK(reader->CheckNames());
  return reader;
}

std::string RawRunFolder(const RawArchivePlace& place) {
  return FolderOfRun(place);
}

Result<std::vector<std::string>> ListRawRuns(FileStore& store, const RawArchivePlace& place) {
  const std::string folder = FolderOfTable(place);
  ARROW_ASSIGN_OR_RAISE(const auto files, store.List(folder));
  std::set<std::string> runs;
  for (const FileInfo& file : files) {
    const std::string_view below = std::string_view(file.location).substr(folder.size() + 1);
    const size_t slash = below.find('/');
    if (slash != std::string_view::npos && below.ends_with(kRawSuffix))
      runs.insert(UnescapeName(below.substr(0, slash)));
  }
  return std::vector<std::string>(runs.begin(), runs.end());
}

Result<std::optional<RawSeal>> SealOfRun(FileStore& store, const RawArchivePlace& place) {
  ARROW_ASSIGN_OR_RAISE(const auto segments, Segments(store, place));
  for (const std::string& location : segments) {
    ARROW_ASSIGN_OR_RAISE(auto seal, ReadRawSeal(store, location));
    if (seal) return seal;
  }
  return std::nullopt;
}

namespace {

std::vector<std::string> LocalDatasets(const RawArchivePlace& place, const std::string& folder) {
  namespace fs = std::filesystem;
  std::set<std::string> datasets;
  std::error_code error;
  fs::directory_iterator it(folder, error);
  for (const fs::directory_iterator end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    std::error_code missing;
    if (!name.starts_with(kDatasetPrefix) || !fs::is_directory(it->path() / EscapeName(place.table), missing)) continue;
    datasets.insert(UnescapeName(std::string_view(name).substr(kDatasetPrefix.size())));
  }
  return {datasets.begin(), datasets.end()};
}

}  // namespace

Result<std::vector<std::string>> ListRawDatasets(FileStore& store, const RawArchivePlace& place) {
  const std::string folder = place.root + "/" + EscapeName(place.pipeline);
  if (!IsObjectLocation(place.root)) return LocalDatasets(place, folder);
  const std::string table = EscapeName(place.table);
  std::set<std::string> datasets;
  ARROW_ASSIGN_OR_RAISE(const auto files, store.List(folder));
  for (const FileInfo& file : files) {
    const std::string_view below = std::string_view(file.location).substr(folder.size() + 1);
    const size_t slash = below.find('/');
    if (!below.starts_with(kDatasetPrefix) || slash == std::string_view::npos) continue;
    if (!below.substr(slash + 1).starts_with(table + "/")) continue;
    datasets.insert(UnescapeName(below.substr(kDatasetPrefix.size(), slash - kDatasetPrefix.size())));
  }
  return std::vector<std::string>(datasets.begin(), datasets.end());
}

}  // namespace firn::io
