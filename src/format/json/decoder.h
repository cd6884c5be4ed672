#pragma once

#include <arrow/type_fwd.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "format/cell_page.h"
#include "format/json/column.h"
#include "format/json/inference.h"
#include "format/json/number_parse.h"
#include "format/json/structural_walker.h"

namespace firn::format::json {

enum class Evolution {
  kFixed,   // a value that needs a new column stops the decoder: DecodedBatch::stopped
  kEvolve,  // the plan grows row by row
  kGuess,   // stops at all that could change what inference makes of the rows so far and these together
};

struct DecodedBatch {
  std::shared_ptr<arrow::RecordBatch> batch;
  std::vector<uint32_t> rows;
  std::vector<QuarantinedRow> quarantined;
  RowCounters counters;
  bool stopped = false;  // the plan has to grow first: nothing else is set
};

/// Decodes records of pages by a plan into record batches. Used by one thread; keeps its buffers' sizes between calls.
class Decoder {
 public:
  /// `context` and what it refers to outlive the decoder. `pool`: where batches live.
  Decoder(const TypingContext& context, std::unique_ptr<Column> plan, OnBadRecord on_bad, arrow::MemoryPool* pool);
  ~Decoder();

  /// Decodes `rows` (ascending records of `page`); `ordinal`: number of the first row in the table's input.
  /// Errors: kContract (frozen), kBadData (on_bad kFail; 2 GiB of text in one column), out of memory.
  Result<DecodedBatch> Decode(const Page& page, std::span<const uint32_t> rows, uint64_t ordinal, Evolution evolution);

  /// The plan as it is now. Between calls it has no rows.
  const Column& plan() const { return *root_; }
  /// Grows by one with every change of the plan.
  int64_t plan_version() const { return version_; }

 private:
  enum class Outcome { kMisfit, kMalformed, kQuarantine, kDiscard, kStop, kFatal };

  Status EndRow(const Page& page, uint32_t record, uint64_t ordinal, DecodedBatch& out);
  bool MayChangeGuess();
  Result<std::shared_ptr<arrow::RecordBatch>> FinishBatch();
  bool FillDefaults(int64_t row, uint64_t instance);
  bool HasRequired(int64_t row) const;

  const uint32_t* Struct(Column& column, int64_t row, int depth, const uint32_t* at);
  KeyField* FindField(Column& column, const uint32_t* at, size_t& next);
  const uint32_t* Member(Column& owner, KeyField& field, int64_t row, int depth, const uint32_t* at);
  const uint32_t* Into(Column& column, int64_t row, int depth, const uint32_t* at);
  const uint32_t* List(Column& column, int64_t row, int depth, const uint32_t* at);
  const uint32_t* Map(Column& column, int64_t row, int depth, const uint32_t* at);
  bool MapHasDuplicate(const Column& column, int64_t first) const;
  const uint32_t* Element(Column& list, Column& element, int depth, const uint32_t* at);

  const uint32_t* Long(Column& column, int64_t row, const uint32_t* at);
  const uint32_t* NumberInto(Column& column, int64_t row, const uint32_t* at);
  bool PutNumber(Column& column, int64_t row, const Number& number, bool& ok);
  const uint32_t* StringInto(Column& column, int64_t row, const uint32_t* at);
  const uint32_t* EscapedString(Column& column, int64_t row, std::string_view inside, const uint32_t* at);
  const uint32_t* TimeInto(Column& column, int64_t row, const uint32_t* at);
  const uint32_t* NanosInto(Column& column, int64_t row, const uint32_t* at);
  const uint32_t* BytesInto(Column& column, int64_t row, const uint32_t* at);
  const uint32_t* UuidInto(Column& column, int64_t row, const uint32_t* at);
  const uint32_t* JsonInto(Column& column, int64_t row, const uint32_t* at);
  const uint32_t* MaskedInto(Column& column, int64_t row, const uint32_t* at);
  const uint32_t* HintedInto(Column& column, int64_t row, const uint32_t* at);

  // decoder_evolution.cc
  const uint32_t* Misfit(Column& owner, KeyField& field, int64_t row, int depth, const uint32_t* at);
  const uint32_t* UnknownKey(Column& owner, int64_t row, int depth, const uint32_t* key_at, uint64_t instance);
  const uint32_t* MisfitOfGuess(KeyField& field, int64_t row, const uint32_t* at);
  const uint32_t* UnknownToGuess(const Column& owner, const uint32_t* key_at);
  const uint32_t* AsText(KeyField& field, int64_t row, const uint32_t* at);
  bool CanPromote(KeyField& field, const uint32_t* at, Number& number);
  bool ValidateRecord();
  const uint32_t* ByContract(ContractMode mode, const char* what, const uint32_t* at, const uint32_t* after);
  Status Frozen(const char* what) const;
  Column* Promotable(KeyField& field, const Number& number) const;
  bool Promote(KeyField& field, const Number& number);
  std::string PathHere() const;

  // decoder_cells.cc: rows of text cells
  struct CellRef {
    size_t column;  // of the page
    Cell cell;
  };
  Result<DecodedBatch> DecodeCells(const Page& page, std::span<const uint32_t> rows, uint64_t ordinal);
  void BindCells(const CellPage& cells);
  bool FillByColumn(const CellPage& cells, std::span<const uint32_t> rows);
  bool FillTile(const CellPage& cells, std::span<const uint32_t> rows, int64_t first_row);
  bool IsLeftOut(const CellPage& cells, size_t c, std::span<const uint32_t> rows) const;
  Status FillByRow(const Page& page, std::span<const uint32_t> rows, uint64_t ordinal, DecodedBatch& out);
  bool CellRow(const CellPage& cells, uint32_t record, int64_t row);
  bool CellOfField(KeyField& field, int64_t row, const CellRef& ref);
  bool MisfitCell(KeyField& field, int64_t row, const CellRef& ref);
  bool AddCellSibling(KeyField& field, int64_t row, const CellRef& ref);
  bool UnknownCell(int64_t row, const CellRef& ref);
  bool CellByContract(ContractMode mode, const char* what);
  Status EndCellRow(const Page& page, uint32_t record, DecodedBatch& out);
  bool FailCell(Outcome outcome, const char* reason) {
    outcome_ = outcome;
    fault_ = {reason, 0};
    return false;
  }

  const uint32_t* Fail(Outcome outcome, const char* reason, const uint32_t* at) {
    outcome_ = outcome;
    fault_ = {reason, *at};
    return nullptr;
  }
  const uint32_t* Malformed(const char* reason, const uint32_t* at) { return Fail(Outcome::kMalformed, reason, at); }
  const uint32_t* Mismatch(const uint32_t* at) { return Fail(Outcome::kMisfit, "", at); }
  const uint32_t* Exhausted(const uint32_t* at) { return Fail(Outcome::kFatal, "", at); }
  const uint32_t* Skip(const uint32_t* at);
  const uint32_t* RecordEnd();

  const TypingContext& context_;
  OnBadRecord on_bad_;
  arrow::MemoryPool* pool_;
  ColumnArena arena_;
  std::unique_ptr<Column> root_;
  std::shared_ptr<arrow::Schema> arrow_schema_;  // of version arrow_version_
  int64_t arrow_version_ = -1;
  std::vector<Column*> columns_;  // of the row, in the order of arrow_schema_
  int64_t version_ = 0;
  int64_t leaves_ = 0;
  std::vector<const Column*> required_;  // of the row
  // Of the row: keys with a default, and its bytes.
  std::vector<std::pair<const KeyField*, const std::string*>> defaults_;

  // of the call
  const uint8_t* body_ = nullptr;
  const uint32_t* end_ = nullptr;
  Evolution evolution_ = Evolution::kFixed;
  // of the row
  const uint32_t* record_at_ = nullptr;
  const uint32_t* record_end_ = nullptr;  // see RecordEnd
  Page::Span record_span_;
  bool validated_ = false;
  uint64_t ordinal_ = 0;
  uint64_t instances_ = 0;
  Outcome outcome_ = Outcome::kMisfit;
  SyntaxFault fault_;
  Status fatal_;
  RowCounters counters_;
  std::vector<const KeyField*> path_;  // filled on the way out of a failure
  std::string text_;                   // scratch

  // of the call, for cells
  const CellPage* cells_ = nullptr;
  std::vector<KeyField*> cell_fields_;  // by column of the page; null: the table has none
  uint32_t line_offset_ = 0;            // of a record that was quarantined, and its line
  uint64_t line_ = 0;
};

}  // namespace firn::format::json
