#pragma once

#include <arrow/type_fwd.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace firn::format {
struct CellPage;
}

namespace firn::format::json {

class StructuralIndex;

enum class PageLayout {
  kAuto,      // the body decides
  kLines,     // one value per line: a broken line is one bad record, the next line is read again
  kDocument,  // one document (or several after each other); a body whose brackets do not match is an error as a whole
};

enum class OnBadRecord {
  kFail,     // Parse fails with kBadData at the first bad record
  kCollect,  // the record is kept, marked, and quarantined by the decoder
};

struct PageOptions {
  /// The largest body; stage 1 itself ends at 4 GiB.
  static constexpr int64_t kBodyBytesMax = 1LL << 30;

  PageLayout layout = PageLayout::kAuto;
  /// Where the records are: keys joined by dots, "*" for every element of an array or member of an object
  /// ("data.items", "data.*.items"; "$." and "[*]" are understood). An array found there gives its elements, any other
  /// value is one record, null none. "" = the body itself or its array. "auto" = the array of objects with most
  /// elements if the objects around it are envelopes (record_guess.h), else the body itself; records_path() says which.
  std::string records;
  /// Source paths (keys joined by dots) whose raw text is noted for every record: cursor, key, fields of children.
  std::vector<std::string> captures;
  OnBadRecord on_bad = OnBadRecord::kCollect;
  arrow::MemoryPool* pool = nullptr;  // for a copy of the body, only made if it has no padding; null: default pool
};

/// A record that cannot be decoded. `excerpt` shows structure only (digits→9, letters→x), at most 120 characters.
struct BadRecord {
  uint32_t ordinal = 0;     // number of the record in the page, from 0
  int64_t byte_offset = 0;  // in the body
  std::string reason;
  std::string excerpt;
};

/// An indexed body: structural index, record boundaries, captured fields. Immutable; shared between threads.
/// Formats: one object, an array, lines (NDJSON), values after each other; the body decides. A UTF-8 byte order mark is
/// passed over. Values inside records are checked when they are decoded, not here.
class Page {
 public:
  /// Takes a share of `body`. A body made by AllocateBody is not copied.
  /// Errors: kBadData with code and why: E0601 empty body, E0602 HTML instead of JSON, E0603 invalid UTF-8, E0604
  /// invalid JSON (byte offset and structure-only excerpt in `why`), E0605 truncated JSON, E0606 body too large; of
  /// "auto" E0444 an error body, and E0447 (kConfig) if it is not clear where the records are.
  static Result<std::shared_ptr<const Page>> Parse(std::shared_ptr<arrow::Buffer> body, const PageOptions& options);
  /// The same for text that is copied.
  static Result<std::shared_ptr<const Page>> Parse(std::string_view body, const PageOptions& options);
  /// Makes a page of text cells: records are rows, which have no JSON text and no index. Types are read from the texts
  /// (cell_text.h). A TableReader takes pages of one kind only. `captures`: names of columns, whose cells are noted as
  /// JSON strings or null.
  static std::shared_ptr<const Page> OfCells(std::shared_ptr<const CellPage> cells,
                                             const std::vector<std::string>& captures = {});
  ~Page();

  uint32_t num_records() const { return static_cast<uint32_t>(records_.size()); }
  /// Returns the text of record i: JSON, or a line of cells. Borrowed from the page.
  std::string_view RecordText(uint32_t i) const;
  /// The cells of a page that has no JSON; else null.
  const CellPage* cells() const { return cells_.get(); }
  /// Appends record i as JSON: its text, or an object of its cells.
  void AppendRecord(uint32_t i, std::string& out) const;
  /// Offset of record i in the body.
  int64_t RecordOffset(uint32_t i) const { return records_[i].begin; }
  /// Returns the raw JSON text of capture c in record i; nullopt if the path is missing there (null gives "null").
  /// Through an array the first element counts. Borrowed from the page.
  std::optional<std::string_view> Captured(uint32_t i, size_t c) const;
  /// Returns the raw JSON text at a path of the body itself ("meta.next"); nullopt if missing or if the body has lines.
  std::optional<std::string_view> FindInBody(std::string_view path) const;
  /// The path the records came from: options.records, or the one that "auto" chose.
  const std::string& records_path() const { return records_path_; }
  /// False if the records path is missing in the body, which is not the same as an empty array there.
  bool records_found() const { return records_found_; }
  bool is_lines() const { return is_lines_; }
  /// Records already known to be bad, ascending by ordinal. They count in num_records().
  const std::vector<BadRecord>& bad_records() const { return bad_records_; }

  std::string_view body() const { return body_; }
  /// Bytes of memory this page keeps (body and index).
  int64_t bytes_held() const;
  /// Returns the page without its index and captures, to be kept where it is rarely wanted again. Shares the body.
  std::shared_ptr<const Page> WithoutIndex() const;
  bool has_index() const { return index_ != nullptr || cells_ != nullptr; }
  /// Returns such a page with its index again. Errors: out of memory.
  Result<std::shared_ptr<const Page>> Reindexed() const;
  /// For the decoder: stage 1's result.
  const StructuralIndex& index() const { return *index_; }
  struct Span {
    uint32_t begin = 0;
    uint32_t end = 0;
  };
  Span record(uint32_t i) const { return records_[i]; }

 private:
  friend class PageBuilder;
  Page();
  std::shared_ptr<Page> Bare() const;
  void CaptureCells(const std::vector<std::string>& captures);
  std::shared_ptr<arrow::Buffer> buffer_;
  std::string_view body_;
  std::unique_ptr<StructuralIndex> index_;
  std::shared_ptr<const CellPage> cells_;  // instead of the index
  std::vector<Span> records_;
  std::vector<Span> captured_;  // num_records x num_captures; end 0: missing
  size_t num_captures_ = 0;
  std::string captured_cells_;  // what captured_ points into where there are cells; else it is the body
  std::string records_path_;
  bool records_found_ = true;
  bool is_lines_ = false;
  bool indexed_by_lines_ = false;
  arrow::MemoryPool* pool_ = nullptr;
  std::vector<BadRecord> bad_records_;
};

/// Checks the whole grammar of record i, which Page::Parse does not look at. Errors: kBadData E0604, with the byte of
/// the record and a structure-only excerpt.
Status CheckRecord(const Page& page, uint32_t i);

/// Returns a buffer of `size` bytes with the padding that Page::Parse wants, to be filled by the caller.
Result<std::shared_ptr<arrow::Buffer>> AllocateBody(int64_t size, arrow::MemoryPool* pool);

/// Decodes a JSON string literal with its quotes ("\"a\\n\"" → "a<newline>"). Anything else is returned as it is, so
/// that the captured text of a number or a string becomes its plain value.
/// Errors: kBadData for a broken escape or a lone surrogate.
Result<std::string> UnescapeString(std::string_view raw);

}  // namespace firn::format::json
