// The part of Decoder for rows of text cells: by column while every cell fits its column, else row by row.
#include <arrow/record_batch.h>

#include <algorithm>

#include "format/json/cell_columns.h"
#include "format/json/cell_text.h"
#include "format/json/decoder.h"
#include "format/json/excerpt.h"

namespace firn::format::json {
namespace {

bool HasBad(const CellPage& cells, std::span<const uint32_t> rows) {
  if (cells.bad.empty() || rows.empty()) return false;
  const auto first = std::ranges::lower_bound(cells.bad, rows.front(), {}, &CellPage::Bad::record);
  return first != cells.bad.end() && first->record <= rows.back();
}

const CellPage::Bad* FindBad(const CellPage& cells, uint32_t record) {
  const auto found = std::ranges::lower_bound(cells.bad, record, {}, &CellPage::Bad::record);
  return found != cells.bad.end() && found->record == record ? &*found : nullptr;
}

// Rows whose text stays in the nearest cache while one column after the other is read.
size_t RowsOfTile(const CellPage& cells) {
  constexpr size_t kTileBytes = size_t{128} << 10, kRowsMin = 64;
  const size_t row_bytes = cells.body.size() / std::max<size_t>(cells.num_records, 1) + 1;
  return std::max(kRowsMin, kTileBytes / row_bytes);
}

}  // namespace

Result<DecodedBatch> Decoder::DecodeCells(const Page& page, std::span<const uint32_t> rows, uint64_t ordinal) {
  DecodedBatch out;
  BindCells(*page.cells());
  if (FillByColumn(*page.cells(), rows)) {
    out.rows.assign(rows.begin(), rows.end());
  } else {
    root_->Truncate(0);
    counters_ = {};
    const Status status = FillByRow(page, rows, ordinal, out);
    if (!status.ok() || outcome_ == Outcome::kStop) root_->Truncate(0);
    ARROW_RETURN_NOT_OK(status);
    if (outcome_ == Outcome::kStop) return DecodedBatch{.stopped = true};
  }
  counters_.rows = root_->length;
  counters_.quarantined = static_cast<int64_t>(out.quarantined.size());
  out.counters = counters_;
  ARROW_ASSIGN_OR_RAISE(out.batch, FinishBatch());
  return out;
}

void Decoder::BindCells(const CellPage& cells) {
  cells_ = &cells;
  line_offset_ = 0;
  line_ = cells.first_line;
  cell_fields_.clear();
  for (const std::string& name : *cells.columns) {
    const int64_t found = root_->FindKey(name);
    cell_fields_.push_back(found < 0 ? nullptr : root_->fields[static_cast<size_t>(found)].get());
  }
}

// False if some row needs a closer look; then columns hold some rows.
bool Decoder::FillByColumn(const CellPage& cells, std::span<const uint32_t> rows) {
  if (HasBad(cells, rows)) return false;
  const auto num_rows = static_cast<int64_t>(rows.size());
  ++instances_;
  for (size_t begin = 0; begin < rows.size();) {
    const size_t tile = std::min(rows.size() - begin, RowsOfTile(cells));
    if (!FillTile(cells, rows.subspan(begin, tile), static_cast<int64_t>(begin))) return false;
    begin += tile;
  }
  for (int64_t row = 0; !defaults_.empty() && row < num_rows; ++row) {
    if (!FillDefaults(row, instances_)) return false;
  }
  for (const Column* column : required_) {
    if (column->length < num_rows || column->has_nulls) return false;
  }
  root_->length = num_rows;
  return true;
}

bool Decoder::FillTile(const CellPage& cells, std::span<const uint32_t> rows, int64_t first_row) {
  for (size_t c = 0; c < cell_fields_.size(); ++c) {
    KeyField* field = cell_fields_[c];
    if (field == nullptr && !IsLeftOut(cells, c, rows)) return false;
    if (field == nullptr) continue;
    if (!FillColumn(*field->columns[0], cells, c, rows, first_row)) return false;
    field->instance = instances_;
  }
  return true;
}

// True if a column that the table does not have says nothing in these rows.
bool Decoder::IsLeftOut(const CellPage& cells, size_t c, std::span<const uint32_t> rows) const {
  const std::string& name = (*cells.columns)[c];
  const MaskTree* masks = context_.masks ? context_.masks->Child(name) : nullptr;
  if (masks && masks->is_null_mask()) return true;
  if (evolution_ == Evolution::kGuess && !root_->deferred.contains(name)) return false;
  std::string scratch;
  return std::ranges::all_of(rows, [&](uint32_t row) { return CellAt(cells, row, c, scratch).is_null; });
}

Status Decoder::FillByRow(const Page& page, std::span<const uint32_t> rows, uint64_t ordinal, DecodedBatch& out) {
  for (size_t i = 0; i < rows.size(); ++i) {
    ordinal_ = ordinal + i;
    path_.clear();
    const RowCounters before = counters_;
    const int64_t row = root_->length;
    const CellPage::Bad* bad = FindBad(*cells_, rows[i]);
    const bool fits =
        bad != nullptr ? FailCell(Outcome::kMalformed, bad->reason.c_str()) : CellRow(*cells_, rows[i], row);
    if (fits) {
      root_->AppendPresent(row);
      out.rows.push_back(rows[i]);
      continue;
    }
    if (outcome_ == Outcome::kStop) return Status::OK();
    counters_ = before;
    root_->Truncate(row);
    ARROW_RETURN_NOT_OK(EndCellRow(page, rows[i], out));
  }
  outcome_ = Outcome::kMisfit;
  return Status::OK();
}

// False: outcome_ says why.
bool Decoder::CellRow(const CellPage& cells, uint32_t record, int64_t row) {
  ++instances_;
  for (size_t c = 0; c < cell_fields_.size(); ++c) {
    const CellRef ref{c, CellAt(cells, record, c, text_)};
    KeyField* field = cell_fields_[c];
    if (field == nullptr ? UnknownCell(row, ref) : CellOfField(*field, row, ref)) {
      if (cell_fields_[c] != nullptr) cell_fields_[c]->instance = instances_;
      continue;
    }
    if (field != nullptr) path_.push_back(field);
    return false;
  }
  if (!FillDefaults(row, instances_)) return FailCell(Outcome::kFatal, "");
  return HasRequired(row) || FailCell(Outcome::kQuarantine, "a required column is null");
}

bool Decoder::CellOfField(KeyField& field, int64_t row, const CellRef& ref) {
  switch (CellInto(*field.columns[0], row, ref.cell)) {
    case Fit::kYes:
      return true;
    case Fit::kNoMemory:
      return FailCell(Outcome::kFatal, "");
    case Fit::kNo:
      return MisfitCell(field, row, ref);
  }
  return false;
}

// As Misfit of a JSON value.
bool Decoder::MisfitCell(KeyField& field, int64_t row, const CellRef& ref) {
  if (evolution_ == Evolution::kGuess) return FailCell(Outcome::kStop, "");
  for (size_t i = 0; i + 1 < field.columns.size(); ++i) {
    field.columns[i]->Truncate(row);
    const Fit fit = CellInto(*field.columns[i + 1], row, ref.cell);
    if (fit == Fit::kNoMemory) return FailCell(Outcome::kFatal, "");
    if (fit == Fit::kNo) continue;
    ++counters_.sibling_values;
    return true;
  }
  field.columns.back()->Truncate(row);
  if (context_.contract.types != ContractMode::kEvolve) {
    return CellByContract(context_.contract.types, "the value does not fit the column's type");
  }
  if (evolution_ == Evolution::kFixed) return FailCell(Outcome::kStop, "");
  Number number;
  if (ParseCellNumber(ref.cell.text, number) && Promotable(field, number) != nullptr) {
    return Promote(field, number) ? CellOfField(field, row, ref) : FailCell(Outcome::kFatal, "");
  }
  if (std::ranges::find(context_.key_columns, field.key) != context_.key_columns.end()) {
    return FailCell(Outcome::kDiscard, "the primary key has a value of another type");
  }
  return AddCellSibling(field, row, ref);
}

bool Decoder::AddCellSibling(KeyField& field, int64_t row, const CellRef& ref) {
  Shape shape;
  AddCell(shape, ref.cell, {ordinal_, static_cast<uint32_t>(ref.column)});
  const bool is_number = shape.integers.count + shape.fractions.count > 0;
  const bool has_decimal = std::ranges::any_of(field.columns, [](const auto& c) { return c->kind == Kind::kDecimal; });
  const Inference::Place place{.masks = field.columns[0]->masks, .depth = 1, .path = field.key};
  Inference inference(context_);
  auto sibling = is_number && has_decimal ? inference.TextSibling(*root_, field, place)
                                          : inference.ResolveSibling(*root_, field, shape, place);
  if (sibling == nullptr) return FailCell(Outcome::kQuarantine, "the value fits no column");
  if (leaves_ + 1 > context_.max_leaves) return FailCell(Outcome::kQuarantine, "the table has max_leaves columns");
  ++leaves_;
  ++version_;
  SetArena(*sibling, &arena_);
  field.columns.push_back(std::move(sibling));
  ++counters_.sibling_values;
  const Fit fit = CellInto(*field.columns.back(), row, ref.cell);
  return fit == Fit::kYes ||
         FailCell(fit == Fit::kNo ? Outcome::kQuarantine : Outcome::kFatal, "the value fits no column");
}

// A cell of a column that the table does not have; as UnknownKey.
bool Decoder::UnknownCell(int64_t row, const CellRef& ref) {
  const std::string& name = (*cells_->columns)[ref.column];
  const MaskTree* masks = context_.masks ? context_.masks->Child(name) : nullptr;
  if (masks && masks->is_null_mask()) return true;
  if (evolution_ == Evolution::kGuess) {
    return (root_->deferred.contains(name) && ref.cell.is_null) || FailCell(Outcome::kStop, "");
  }
  if (ref.cell.is_null) return true;
  if (context_.contract.columns != ContractMode::kEvolve) {
    return CellByContract(context_.contract.columns, "the table has no column for the key");
  }
  if (evolution_ == Evolution::kFixed) return FailCell(Outcome::kStop, "");
  const HintTree* hints = context_.hints.Child(name);
  const OrderKey here{ordinal_, static_cast<uint32_t>(ref.column)};
  Shape shape;
  shape.present.Note(here);
  AddCell(shape, ref.cell, here);
  if (masks && masks->masks_value()) shape.strings.Note(here);
  const Inference::Place place{.masks = masks, .hints = hints, .depth = 1, .path = name};
  auto field = Inference(context_).ResolveField(*root_, name, shape, place);
  if (field == nullptr) return FailCell(Outcome::kQuarantine, "the value fits no column");
  if (leaves_ + 1 > context_.max_leaves) return FailCell(Outcome::kQuarantine, "the table has max_leaves columns");
  ++leaves_;
  ++version_;
  for (const auto& column : field->columns) SetArena(*column, &arena_);
  cell_fields_[ref.column] = &root_->AddField(std::move(field));
  return CellOfField(*cell_fields_[ref.column], row, ref);
}

bool Decoder::CellByContract(ContractMode mode, const char* what) {
  if (mode == ContractMode::kDiscardValue) {
    ++counters_.discarded_values;
    return true;
  }
  if (mode == ContractMode::kDiscardRow) return FailCell(Outcome::kDiscard, what);
  fatal_ = Frozen(what);
  return FailCell(Outcome::kFatal, what);
}

// Makes the quarantine row, or the error that ends the table.
Status Decoder::EndCellRow(const Page& page, uint32_t record, DecodedBatch& out) {
  if (outcome_ == Outcome::kFatal) return arena_.failure.ok() ? fatal_ : arena_.failure;
  const Page::Span span = page.record(record);
  QuarantinedRow row{.ordinal = ordinal_, .page_record = record, .byte_offset = span.begin, .path = PathHere()};
  line_ += cells_->LinesBetween(line_offset_, span.begin);  // rows are ascending
  line_offset_ = span.begin;
  row.reason = "line " + std::to_string(line_) + ": " + fault_.reason;
  row.parsable = outcome_ != Outcome::kMalformed;
  if (row.parsable) {
    std::string text;
    AppendCells(*cells_, record, text);
    ARROW_ASSIGN_OR_RAISE(row.text, MaskedText(text, context_.masks.get()));
  } else {
    row.text = StructureExcerpt(page.RecordText(record));
  }
  if (on_bad_ == OnBadRecord::kFail && outcome_ != Outcome::kDiscard) {
    const CellPage::Bad* bad = cells_->FindBad(record);
    return MakeError(Fault::kBadData, row.reason,
                     {.code = "E0608",
                      .where = row.path,
                      .why = StructureExcerpt(page.RecordText(record)),
                      .next = bad != nullptr ? bad->next : ""});
  }
  out.quarantined.push_back(std::move(row));
  return Status::OK();
}

}  // namespace firn::format::json
