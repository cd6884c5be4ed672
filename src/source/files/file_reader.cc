#include "source/files/file_reader.h"

#include <arrow/buffer.h>
#include <arrow/io/memory.h>
#include <arrow/record_batch.h>
#include <arrow/util/key_value_metadata.h>

#include <algorithm>
#include <limits>
#include <numeric>
#include <utility>

#include "base/failpoint.h"
#include "format/cell_page.h"
#include "io/file_store.h"
#include "source/file_input.h"
#include "source/files/parquet_batches.h"
#include "source/files/row_source.h"
#include "source/first_bytes.h"
#include "source/format_cutter.h"
#include "source/row_cutter.h"

namespace firn::source::files {
namespace {

namespace json = format::json;

// Read whole before the first row is given, so that a file that changes meanwhile costs nothing.
constexpr int64_t kSmallBytes = int64_t{8} << 20;
constexpr int64_t kLocalBlockBytes = int64_t{1} << 20;
constexpr int64_t kObjectBlockBytes = int64_t{8} << 20;  // each is a request
constexpr int64_t kAheadWorthBytes = int64_t{1} << 20;   // a thread for less costs more than it saves
constexpr size_t kNotesMax = 20;
constexpr size_t kEndMarkBytesMax = 2'048;  // of the state of a file that may grow
constexpr int64_t kFirstBytes = 4096;
constexpr int64_t kHeldShare = 4;  // of the memory, for a file that is read whole

// The line of each row; of a document its number.
std::vector<int64_t> LinesOf(const FileRows& rows) {
  std::vector<int64_t> lines;
  lines.reserve(rows.rows.size());
  const json::Page& page = *rows.page;
  const std::string_view body = page.body();
  const bool by_lines = page.is_lines() || page.cells() != nullptr;
  const char line_end = page.cells() == nullptr ? '\n' : page.cells()->line_end;
  int64_t line = rows.first_line;
  size_t at = by_lines && !rows.rows.empty() && page.cells() != nullptr
                  ? static_cast<size_t>(page.RecordOffset(rows.rows.front()))
                  : 0;
  for (const uint32_t row : rows.rows) {
    if (by_lines) {
      const auto offset = static_cast<size_t>(page.RecordOffset(row));
      line += std::count(body.begin() + static_cast<std::ptrdiff_t>(at),
                         body.begin() + static_cast<std::ptrdiff_t>(offset), line_end);
      at = offset;
      lines.push_back(line);
    } else {
      lines.push_back(rows.first_line + row);
    }
  }
  return lines;
}

class FileReader : public SplitReader {
 public:
  FileReader(TableFiles& files, FoundFile file, std::optional<FilePosition> from)
      : files_(files), file_(std::move(file)), from_(std::move(from)) {}

  Result<std::optional<Event>> Next(std::stop_token stop) override {
    auto event = Step(stop);
    if (event.ok() || FaultOf(event.status()) == Fault::kCancelled) return event;
    return Within("file " + file_.path, event.status());
  }

 private:
  enum class Plan { kRead, kKnown, kLater };
  using Skipped = UnpackedInput::Skipped;

  Result<std::optional<Event>> Step(const std::stop_token& stop) {
    if (stop.stop_requested()) return MakeError(Fault::kCancelled, "stopped while reading files");
    if (ended_) return std::nullopt;
    if (cutter_ == nullptr && batches_ == nullptr) {
      ARROW_ASSIGN_OR_RAISE(const Plan plan, Open(stop));
      if (plan != Plan::kRead) {
        ended_ = true;
        if (plan == Plan::kLater || !files_.options.keeps_state) return std::nullopt;
        return Event(Progress{ToPosition(Done())});
      }
    }
    FIRN_FAILPOINT("files.read");
    if (batches_ != nullptr) {
      ARROW_ASSIGN_OR_RAISE(auto rows, batches_->Next());
      if (rows) return Event(BatchOf(std::move(*rows)));
    } else {
      ARROW_ASSIGN_OR_RAISE(auto rows, cutter_->Next(stop));
      if (rows) return Event(BatchOf(std::move(*rows)));
    }
    ended_ = true;
    ARROW_RETURN_NOT_OK(Finish());
    if (replaces() && from_ && !gave_rows_) {
      files_.Note(file_.path +
                  " has no rows now: those that came from it before stay in the table, because it is by the "
                  "rows that come that older ones are replaced");
    }
    FIRN_FAILPOINT("files.end");
    const Position done = ToPosition(Done());
    return files_.options.keeps_state ? std::optional<Event>(Progress{done}) : std::nullopt;
  }

  Batch BatchOf(FileRows rows) {
    Batch batch{.num_bytes = rows.TextBytes()};
    gave_rows_ = true;
    auto origin = std::make_shared<RowOrigin>();
    origin->file = file_.path;
    origin->modified_micros = file_.stamp.modified_micros;
    origin->rows = rows.rows;
    origin->lines = LinesOf(rows);
    batch.origin = std::move(origin);
    if (rows.mark && files_.options.keeps_state && !replaces()) {
      batch.position = ToPosition({.stamp = file_.stamp, .content = {}, .fresh = false, .mark = std::move(rows.mark)});
    }
    batch.rows = JsonRows{.page = std::move(rows.page), .rows = std::move(rows.rows)};
    return batch;
  }

  Batch BatchOf(ParquetBatches::Rows rows) {
    Batch batch{.num_bytes = rows.num_bytes};
    gave_rows_ = true;
    auto origin = std::make_shared<RowOrigin>();
    origin->file = file_.path;
    origin->modified_micros = file_.stamp.modified_micros;
    origin->lines.resize(static_cast<size_t>(rows.batch->num_rows()));
    std::iota(origin->lines.begin(), origin->lines.end(), rows.first_row + 1);
    batch.origin = std::move(origin);
    if (rows.ends_group && files_.options.keeps_state && !replaces()) {
      const Mark mark{.offset = rows.next_group, .num_hashed = file_.stamp.size, .hash = *content_};
      batch.position = ToPosition({.stamp = file_.stamp, .content = {}, .fresh = false, .mark = mark});
    }
    batch.rows = std::move(rows.batch);
    return batch;
  }

  // Decides what is to be read, and opens it.
  Result<Plan> Open(const std::stop_token& stop) {
    begun_micros_ = files_.options.clock->Now().micros;
    if (file_.is_archive) return WhyNoMembers();
    ARROW_ASSIGN_OR_RAISE(const bool there, OpenBytes(stop));
    if (!there) {
      NoteChanging();
      return Plan::kLater;
    }
    if (from_ && from_->stamp.size > 0 && file_.stamp.size == 0) files_.Note(file_.path + " is empty now, and was not");
    if (from_ && from_->content && from_->stamp.size == file_.stamp.size) {
      ARROW_ASSIGN_OR_RAISE(content_, HashBytes());
      end_mark_ = from_->mark;
      if (*content_ == *from_->content) return Plan::kKnown;
      ARROW_RETURN_NOT_OK(CheckMayChange());
    } else if (from_) {
      const bool grows = !replaces() && from_->mark && (!from_->content || file_.stamp.size > from_->stamp.size);
      auto skipped = Skipped::kOther;
      if (grows) {
        ARROW_ASSIGN_OR_RAISE(skipped, OpenRows(&*from_->mark));
        if (skipped == Skipped::kThere) return Plan::kRead;
      }
      ARROW_RETURN_NOT_OK(skipped == Skipped::kInLine ? CheckMayGoOn() : CheckMayChange());
    }
    end_mark_.reset();
    if (files_.table.files.same_content_once && files_.known.HasSize(file_.stamp.size)) {
      if (!content_) {
        ARROW_ASSIGN_OR_RAISE(content_, HashBytes());
      }
      if (const auto path = files_.known.Find({file_.stamp.size, *content_})) {
        files_.Note(file_.path + " was passed over: its content was loaded from " +
                    (path->empty() ? "a file that is gone" : *path));
        return Plan::kKnown;
      }
    }
    content_.reset();
    ARROW_RETURN_NOT_OK(OpenRows(nullptr).status());
    return Plan::kRead;
  }

  // Of an archive whose directory could not be read when files were listed.
  Result<Plan> WhyNoMembers() {
    ARROW_ASSIGN_OR_RAISE(const auto archive, files_.place.store->OpenInput(files_.place.LocationOf(file_.path)));
    ARROW_RETURN_NOT_OK(io::ReadZipDirectory(*archive).status());
    NoteChanging();
    return Plan::kLater;
  }

  void NoteChanging() const { files_.Note(file_.path + " changed while it was looked at: the next run reads it"); }

  // False if the file is not as it was listed.
  Result<bool> OpenBytes(const std::stop_token& stop) {
    const FilePlace& place = files_.place;
    if (place.is_web()) return OpenWeb();
    if (IsReadWhole(place, file_)) return TakeBytes(stop);
    ARROW_ASSIGN_OR_RAISE(const auto before, StampNow(place, file_.outer_path()));
    if (!before || !IsAsListed(place, file_.outer_stamp(), *before)) return false;
    outer_etag_ = before->etag;
    if (!file_.in) file_.stamp.etag = outer_etag_;
    is_small_ = file_.stamp.size <= kSmallBytes;
    ARROW_ASSIGN_OR_RAISE(bytes_, place.store->OpenInput(place.LocationOf(file_.outer_path())));
    if (!is_small_) return true;
    ARROW_RETURN_NOT_OK(HoldBytes());
    return IsUnchanged();
  }

  Result<bool> TakeBytes(const std::stop_token& stop) {
    ARROW_ASSIGN_OR_RAISE(auto fetched, files_.ahead != nullptr
                                            ? files_.ahead->Take(file_, stop)
                                            : FetchFile(files_.place, file_, *files_.options.clock));
    if (!fetched) return false;
    begun_micros_ = fetched->begun_micros;
    outer_etag_ = file_.stamp.etag = fetched->etag;
    is_small_ = true;
    bytes_ = std::make_shared<arrow::io::BufferReader>(std::move(fetched->bytes));
    return true;
  }

  // What is opened behind a URL is one version to its end, or an error: it need not be the one that was listed.
  Result<bool> OpenWeb() {
    auto opened = files_.place.store->OpenInput(files_.place.LocationOf(file_.outer_path()));
    if (io::IsNotFound(opened.status())) return false;
    ARROW_ASSIGN_OR_RAISE(bytes_, std::move(opened));
    ARROW_ASSIGN_OR_RAISE(const Stamp stamp, StampOf(*bytes_));
    if (file_.in && stamp != file_.in->stamp) return false;
    if (!file_.in) file_.stamp = stamp;
    is_small_ = file_.stamp.size <= kSmallBytes;
    ARROW_ASSIGN_OR_RAISE(const auto metadata, bytes_->ReadMetadata());
    if (is_small_) ARROW_RETURN_NOT_OK(HoldBytes());
    if (!file_.in) ARROW_RETURN_NOT_OK(CheckIsNoPage(*metadata));
    return true;
  }

  // A login or an error page with status 200 would be a row for each of its lines. No page is large.
  Status CheckIsNoPage(const arrow::KeyValueMetadata& metadata) const {
    std::string first;
    if (is_held_) {
      ARROW_ASSIGN_OR_RAISE(const auto bytes, bytes_->ReadAt(0, std::min(kFirstBytes, file_.stamp.size)));
      first = bytes->ToString();
    }
    if (!IsWebPage(metadata.Get("Content-Type").ValueOr(""), first)) return Status::OK();
    return MakeError(Fault::kBadData, "what its URL gives is a web page, not data",
                     {.code = "E0989",
                      .why = "the server calls it text/html, or it begins as HTML does: often a login page",
                      .state = "nothing of it was loaded",
                      .next = "open the URL in a browser; check `auth:`, `location:` and `path:`"});
  }

  // Reads all of it into memory, of a member of an archive what it unpacks to.
  Status HoldBytes() {
    ARROW_ASSIGN_OR_RAISE(const auto raw, RawBytes());
    ARROW_ASSIGN_OR_RAISE(auto held, raw->Read(file_.stamp.size));
    bytes_ = std::make_shared<arrow::io::BufferReader>(std::move(held));
    is_held_ = true;
    return Status::OK();
  }

  Result<bool> IsUnchanged() const {
    if (files_.place.is_web()) return true;
    ARROW_ASSIGN_OR_RAISE(const auto now, StampNow(files_.place, file_.outer_path()));
    return now && IsAsListed(files_.place, file_.outer_stamp(), *now) && now->etag == outer_etag_;
  }

  Result<std::shared_ptr<RawInput>> RawBytes() const {
    const int64_t block_bytes = files_.place.is_local() ? kLocalBlockBytes : kObjectBlockBytes;
    std::shared_ptr<arrow::io::InputStream> bytes;
    if (file_.in && !is_held_) {
      ARROW_ASSIGN_OR_RAISE(bytes, io::OpenZipMember(bytes_, file_.in->member, block_bytes));
    } else {
      ARROW_ASSIGN_OR_RAISE(bytes, arrow::io::RandomAccessFile::GetStream(bytes_, 0, file_.stamp.size));
    }
    return std::make_shared<RawInput>(std::move(bytes),
                                      RawInput::Options{.size = file_.stamp.size, .block_bytes = block_bytes});
  }

  Result<Hash128> HashBytes() const {
    ARROW_ASSIGN_OR_RAISE(const auto raw, RawBytes());
    ARROW_RETURN_NOT_OK(raw->ReadToEnd());
    return raw->Digest();
  }

  // The rows of a file take the place of all that came from it, so a part of them is never loaded alone.
  bool replaces() const { return files_.table.files.changes == config::FileChanges::kReplace; }

  // The content of a file that was loaded, wholly or in part, is another one.
  Status CheckMayChange() const {
    if (files_.table.files.changes != config::FileChanges::kFail) return Status::OK();
    return HasChanged("its rows would be in the table twice, in two versions", true);
  }

  // It is the same, and what was loaded as its last row was the begin of one.
  Status CheckMayGoOn() const {
    const std::string why = "its last line had no end when it was loaded, and it went on";
    const bool appends = files_.table.files.changes == config::FileChanges::kAppend;
    if (!appends || !files_.table.merges) return HasChanged(why + ": that row is not what is in the table", false);
    files_.Note(file_.path + " is read whole again: " + why +
                ". If its key was cut, the row of the cut key is there still");
    return Status::OK();
  }

  Status HasChanged(const std::string& why, bool may_append) const {
    const std::string& table = files_.table.name;
    return MakeError(
        Fault::kConfig,
        std::string("it was loaded") + (from_->content ? "" : " in part") + ", and its content is another one now",
        {.code = "E0881",
         .why = why,
         .state = "nothing of the new content was loaded",
         .next = "set `file_changes: replace` (its rows take the place of those that came from it) " +
                 std::string(may_append ? "or `append` " : "") + "for table " + table + ", or firn run --select " +
                 table + " --full-refresh"});
  }

  // Opens its rows behind the mark, or all of them. Not kThere: it does not go on from the mark.
  Result<Skipped> OpenRows(const Mark* from) {
    ARROW_ASSIGN_OR_RAISE(raw_, RawBytes());
    using Compression = config::FileCompression;
    Compression compression = files_.table.files.compression;
    // How the files are packed says nothing of the members of an archive.
    if (compression == Compression::kAuto || file_.in) {
      ARROW_ASSIGN_OR_RAISE(const std::string first, raw_->Look(8));
      compression = CompressionOf(first);
    }
    if (compression == Compression::kZip) {
      const std::string next = file_.in ? "unpack it, or leave it out of `path:`"
                                        : "name it `.zip`, set `compression: zip`, or leave it out of `path:`";
      return MakeError(Fault::kBadData,
                       file_.in ? "an archive within an archive is not read"
                                : "it is a zip archive, and neither its name nor `compression` says so",
                       {.code = "E0883", .next = next});
    }
    is_packed_ = compression != Compression::kNone;
    ARROW_ASSIGN_OR_RAISE(
        input_, UnpackedInput::Open(raw_, {.compression = compression, .bytes_per_stored = BytesPerStored()}));
    std::string first;
    if (!is_packed_) {
      ARROW_ASSIGN_OR_RAISE(first, raw_->Look(kFirstBytes));
    }
    ARROW_ASSIGN_OR_RAISE(const auto format, FormatOf(files_.table.files, file_.path, first));
    if (format == config::FileFormat::kParquet) return OpenParquet(from);
    Mark begin;
    if (from != nullptr) {
      begin = *from;
      ARROW_ASSIGN_OR_RAISE(const Skipped skipped, SkipTo(*input_, &begin));
      if (skipped != Skipped::kThere) return skipped;
    }
    const int64_t text_bytes_max = is_packed_ ? std::numeric_limits<int64_t>::max() : file_.stamp.size;
    ARROW_ASSIGN_OR_RAISE(cutter_, MakeFormatCutter(*input_, {.format = format,
                                                              .csv = files_.table.files.csv,
                                                              .records = files_.table.records,
                                                              .memory_bytes = files_.options.memory_bytes,
                                                              .text_bytes_max = text_bytes_max,
                                                              .reads_ahead = files_.options.read_ahead &&
                                                                             file_.stamp.size > kAheadWorthBytes,
                                                              .from = begin,
                                                              .pool = files_.options.pool}));
    return Skipped::kThere;
  }

  // A file that is packed twice must not unpack to more than others.
  int64_t BytesPerStored() const {
    if (!file_.in) return 1;
    return std::max<int64_t>(1, file_.stamp.size / std::max<int64_t>(1, file_.in->member.packed_bytes));
  }

  // Its rows are read from several places, so its hash takes a pass of its own.
  Result<Skipped> OpenParquet(const Mark* from) {
    if (is_packed_) {
      return MakeError(Fault::kBadData, "a packed Parquet file is not read",
                       {.code = "E0883", .why = "Parquet packs its columns itself", .next = "unpack it"});
    }
    if (file_.in && !is_held_) ARROW_RETURN_NOT_OK(HoldParquet());
    ARROW_ASSIGN_OR_RAISE(content_, HashBytes());
    if (from != nullptr && (from->hash != *content_ || from->num_hashed != file_.stamp.size)) return Skipped::kOther;
    const auto first_group = from == nullptr ? 0 : static_cast<int32_t>(from->offset);
    ARROW_ASSIGN_OR_RAISE(batches_, ParquetBatches::Open(bytes_, first_group, files_.options.pool));
    return Skipped::kThere;
  }

  // Of a packed member no place can be read without all before it.
  Status HoldParquet() {
    const int64_t bytes_max = files_.options.memory_bytes / kHeldShare;
    if (file_.stamp.size <= bytes_max) return HoldBytes();
    return MakeError(Fault::kBadData,
                     "a Parquet file of " + std::to_string(file_.stamp.size) + " bytes within an archive is too large",
                     {.code = "E0984",
                      .why = "it is unpacked into memory, of which it may take " + std::to_string(bytes_max) + " bytes",
                      .next = "unpack the archive, or give --memory"});
  }

  Status Finish() {
    if (batches_ == nullptr) {
      ARROW_RETURN_NOT_OK(raw_->ReadToEnd());
      content_ = raw_->Digest();
    }
    if (batches_ == nullptr && !is_packed_ && files_.keeps_end_marks && !replaces()) end_mark_ = cutter_->EndMark();
    if (end_mark_ && end_mark_->csv.size() > kEndMarkBytesMax) end_mark_.reset();
    FIRN_FAILPOINT("files.verify");
    if (is_small_) return Status::OK();  // all of it was there before the first row
    ARROW_ASSIGN_OR_RAISE(const bool unchanged, IsUnchanged());
    if (unchanged) return Status::OK();
    return MakeError(
        Fault::kTransient, "it was changed while it was read",
        {.code = "E0882",
         .why = "its rows may be half of one version and half of another",
         .state = "rows of it up to the last position are committed, none after it",
         .next = "firn run, once nobody writes the file; better: write it under another name, then rename"});
  }

  FilePosition Done() {
    files_.known.Add({file_.stamp.size, *content_}, file_.path);
    files_.CountFile(file_.stamp.size);
    return {.stamp = file_.stamp,
            .content = content_,
            .fresh = begun_micros_ - file_.stamp.modified_micros < kFreshMicros,
            .mark = end_mark_};
  }

  TableFiles& files_;
  FoundFile file_;
  const std::optional<FilePosition> from_;
  int64_t begun_micros_ = 0;
  bool ended_ = false, gave_rows_ = false, is_small_ = false, is_packed_ = false;
  bool is_held_ = false;  // bytes_ are its content, in memory
  std::string outer_etag_;
  std::shared_ptr<arrow::io::RandomAccessFile> bytes_;
  std::shared_ptr<RawInput> raw_;
  std::unique_ptr<UnpackedInput> input_;     // before the cutter, which borrows it
  std::unique_ptr<RowCutter> cutter_;        // of text
  std::unique_ptr<ParquetBatches> batches_;  // of Parquet
  std::optional<Hash128> content_;
  std::optional<Mark> end_mark_;
};

}  // namespace

bool IsReadWhole(const FilePlace& place, const FoundFile& file) {
  return !place.is_web() && !file.in && !file.is_archive && file.stamp.size <= kSmallBytes;
}

void TableFiles::Note(std::string text) {
  MutexLock lock(mutex_);
  if (++num_notes_ <= kNotesMax) stats_.notes.push_back(std::move(text));
  if (num_notes_ == kNotesMax + 1) stats_.notes.emplace_back("and more files");
}

void TableFiles::CountFile(int64_t num_bytes) {
  MutexLock lock(mutex_);
  ++stats_.num_files;
  stats_.body_bytes += num_bytes;
}

void TableFiles::ClearNotes() {
  MutexLock lock(mutex_);
  stats_ = {};
  num_notes_ = 0;
}

ReadStats TableFiles::stats() const {
  MutexLock lock(mutex_);
  return stats_;
}

std::unique_ptr<SplitReader> ReadFile(TableFiles& files, FoundFile file, std::optional<FilePosition> from) {
  return std::make_unique<FileReader>(files, std::move(file), std::move(from));
}

}  // namespace firn::source::files
