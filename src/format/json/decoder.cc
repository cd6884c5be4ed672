#include "format/json/decoder.h"

#include <arrow/array/data.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <algorithm>

#include "format/json/excerpt.h"
#include "format/json/number_parse.h"
#include "format/json/string_parse.h"
#include "format/json/structural_index.h"
#include "format/json/time_parse.h"
#include "schema/arrow_mapping.h"

namespace firn::format::json {
namespace {

bool IsBadRecord(const Page& page, uint32_t record) {
  const auto& bad = page.bad_records();
  const auto before = [](const BadRecord& b, uint32_t ordinal) { return b.ordinal < ordinal; };
  const auto found = std::lower_bound(bad.begin(), bad.end(), record, before);
  return found != bad.end() && found->ordinal == record;
}

template <typename T>
T FromBytes(const std::string& bytes) {
  T value{};
  FIRN_CHECK(bytes.size() == sizeof(T));
  std::memcpy(&value, bytes.data(), sizeof(T));
  return value;
}

// The column may have been promoted since the default was made for it.
bool AppendWide(Column& column, int64_t row, const std::string& bytes) {
  if (bytes.size() == sizeof(int64_t)) return column.AppendFixed<int64_t>(row, FromBytes<int64_t>(bytes));
  if (column.kind == Kind::kDouble) return column.AppendFixed<double>(row, double{FromBytes<float>(bytes)});
  return column.AppendFixed<int64_t>(row, FromBytes<int32_t>(bytes));
}

}  // namespace

Decoder::Decoder(const TypingContext& context, std::unique_ptr<Column> plan, OnBadRecord on_bad,
                 arrow::MemoryPool* pool)
    : context_(context), on_bad_(on_bad), pool_(pool), arena_(pool), root_(std::move(plan)) {
  SetArena(*root_, &arena_);
  leaves_ = LeafCount(*root_);
  for (const auto& field : root_->fields) {
    for (const auto& column : field->columns) {
      if (column->required) required_.push_back(column.get());
    }
  }
  for (const ColumnDefault& wanted : context_.defaults) {
    const int64_t found = root_->FindKey(wanted.key);
    if (found >= 0) defaults_.emplace_back(root_->fields[static_cast<size_t>(found)].get(), &wanted.value);
  }
}

Decoder::~Decoder() = default;

Result<DecodedBatch> Decoder::Decode(const Page& page, std::span<const uint32_t> rows, uint64_t ordinal,
                                     Evolution evolution) {
  evolution_ = evolution;
  counters_ = {};
  outcome_ = Outcome::kMisfit;
  if (page.cells() != nullptr) return DecodeCells(page, rows, ordinal);
  DecodedBatch out;
  out.rows.reserve(rows.size());
  body_ = reinterpret_cast<const uint8_t*>(page.body().data());
  const auto offsets = page.index().offsets();
  end_ = offsets.data() + offsets.size();
  const uint32_t* at = end_;
  size_t next_bad = 0;
  const auto& bad = page.bad_records();
  for (size_t i = 0; i < rows.size(); ++i) {
    while (next_bad < bad.size() && bad[next_bad].ordinal < rows[i]) ++next_bad;
    const bool is_bad = next_bad < bad.size() && bad[next_bad].ordinal == rows[i];
    const uint32_t begin = page.record(rows[i]).begin;
    if (at == end_ || *at != begin) at = page.index().LowerBound(begin);
    record_at_ = at;
    record_span_ = page.record(rows[i]);
    record_end_ = nullptr;
    validated_ = false;
    ordinal_ = ordinal + i;
    const RowCounters before = counters_;
    const uint32_t* after = nullptr;
    if (is_bad) {
      Malformed(bad[next_bad].reason.c_str(), at);
    } else if (body_[*at] != '{') {
      Fail(Outcome::kQuarantine, "the record is no object", at);
    } else {
      path_.clear();
      const uint64_t instance = instances_ + 1;  // what Struct gives the record
      after = Struct(*root_, root_->length, 0, at);
      if (after && !FillDefaults(root_->length, instance)) after = Exhausted(at);
      if (after && !HasRequired(root_->length)) after = Fail(Outcome::kQuarantine, "a required column is null", at);
      if (after && after[-1] + 1 != page.record(rows[i]).end) after = Malformed("text behind the record", at);
    }
    if (after) {
      root_->AppendPresent(root_->length);
      out.rows.push_back(rows[i]);
      at = after;
      continue;
    }
    if (evolution_ == Evolution::kGuess && MayChangeGuess()) outcome_ = Outcome::kStop;
    if (outcome_ == Outcome::kStop) break;
    counters_ = before;
    root_->Truncate(root_->length);
    const Status status = EndRow(page, rows[i], ordinal_, out);
    if (!status.ok()) {
      root_->Truncate(0);
      return status;
    }
    at = end_;
  }
  if (outcome_ == Outcome::kStop && out.rows.size() + out.quarantined.size() < rows.size()) {
    root_->Truncate(0);
    return DecodedBatch{.stopped = true};
  }
  counters_.rows = root_->length;
  counters_.quarantined = static_cast<int64_t>(out.quarantined.size());
  out.counters = counters_;
  ARROW_ASSIGN_OR_RAISE(out.batch, FinishBatch());
  return out;
}

// Gives rows without the key its default. False: out of memory.
bool Decoder::FillDefaults(int64_t row, uint64_t instance) {
  for (const auto& [field, value] : defaults_) {
    if (field->instance == instance) continue;
    Column& column = *field->columns[0];
    bool ok = true;
    switch (FixedWidth(column.kind)) {
      case 0:
        ok = column.has_offsets()          ? column.AppendText(row, *value)
             : column.kind == Kind::kFixed ? column.AppendRaw(row, *value)
                                           : true;
        break;
      case 1:
        ok = column.AppendFixed<uint8_t>(row, FromBytes<uint8_t>(*value));
        break;
      case 4:
        ok = column.AppendFixed<int32_t>(row, FromBytes<int32_t>(*value));
        break;
      case 8:
        ok = AppendWide(column, row, *value);
        break;
      default:
        ok = column.AppendFixed<__int128>(row, FromBytes<__int128>(*value));
    }
    if (!ok) return false;
  }
  return true;
}

bool Decoder::HasRequired(int64_t row) const {
  for (const Column* column : required_) {
    if (column->length <= row) return false;  // nulls are lazy: nothing has been appended
  }
  return true;
}

// A row that ended early was not looked at to its end. Inference would, unless the row is no JSON at all.
bool Decoder::MayChangeGuess() {
  if (outcome_ != Outcome::kMalformed) return outcome_ != Outcome::kFatal;
  SyntaxFault fault;
  return SkipValue(body_, record_at_, RecordEnd(), Depth::kFull, fault) == RecordEnd();
}

// Makes the quarantine row, or the error that ends the table.
Status Decoder::EndRow(const Page& page, uint32_t record, uint64_t ordinal, DecodedBatch& out) {
  if (outcome_ == Outcome::kFatal) return arena_.failure.ok() ? fatal_ : arena_.failure;
  const Page::Span span = page.record(record);
  const std::string_view text = page.RecordText(record);
  QuarantinedRow row{.ordinal = ordinal, .page_record = record, .byte_offset = span.begin, .path = PathHere()};
  row.reason = fault_.reason;
  // The walk may have gone on into the next line: what is wrong with a record must not depend on its neighbours.
  SyntaxFault fault;
  const bool stage1_failed = IsBadRecord(page, record);
  const uint32_t* after = stage1_failed ? nullptr : SkipValue(body_, record_at_, RecordEnd(), Depth::kFull, fault);
  if (after && after != RecordEnd()) fault = {"text behind the record", *after};
  if (!stage1_failed && after != RecordEnd()) fault_ = fault;
  if (after != RecordEnd()) after = nullptr;
  row.parsable = after != nullptr;
  if (row.parsable) {
    ARROW_ASSIGN_OR_RAISE(row.text, MaskedText(text, context_.masks.get()));
  } else {
    const uint32_t inside = std::clamp(fault_.offset, span.begin, span.end) - span.begin;
    row.reason = "not valid JSON: " + row.reason + ", byte " + std::to_string(inside) + " of the record";
    row.text = StructureExcerpt(text, inside);
  }
  const bool wanted = outcome_ == Outcome::kDiscard && row.parsable;  // by contract or key, whatever on_error says
  if (on_bad_ == OnBadRecord::kFail && !wanted) {
    return MakeError(Fault::kBadData, "record " + std::to_string(ordinal + 1) + ": " + row.reason,
                     {.code = "E0608", .where = row.path, .why = StructureExcerpt(text)});
  }
  out.quarantined.push_back(std::move(row));
  return Status::OK();
}

Result<std::shared_ptr<arrow::RecordBatch>> Decoder::FinishBatch() {
  if (arrow_version_ != version_) {
    arrow_schema_ = schema::ToArrowSchema(SchemaOf(*root_));
    arrow_version_ = version_;
    columns_ = OrderedColumns(*root_);
  }
  const int64_t rows = root_->length;
  std::vector<std::shared_ptr<arrow::ArrayData>> arrays;
  arrays.reserve(columns_.size());
  for (size_t i = 0; i < columns_.size(); ++i) {
    ARROW_ASSIGN_OR_RAISE(auto data, columns_[i]->Finish(rows, arrow_schema_->field(static_cast<int>(i))->type()));
    arrays.push_back(std::move(data));
  }
  root_->length = 0;
  root_->has_nulls = false;
  return arrow::RecordBatch::Make(arrow_schema_, rows, std::move(arrays));
}

// Where the row's record ends in the index.
const uint32_t* Decoder::RecordEnd() {
  if (!record_end_) record_end_ = std::lower_bound(record_at_, end_, record_span_.end);
  return record_end_;
}

const uint32_t* Decoder::Skip(const uint32_t* at) {
  if (at >= RecordEnd()) return Malformed("unexpected end", RecordEnd());
  SyntaxFault fault;
  const uint32_t* after = SkipValue(body_, at, RecordEnd(), Depth::kFull, fault);
  if (after) return after;
  outcome_ = Outcome::kMalformed;
  fault_ = fault;
  return nullptr;
}

// `at`: the opening brace. Keys are expected in the order of the plan, which is that of the first record.
const uint32_t* Decoder::Struct(Column& column, int64_t row, int depth, const uint32_t* at) {
  const uint64_t instance = ++instances_;
  size_t next = 0;
  bool any = false;
  ++at;
  if (body_[*at] == '}') {
    ++at;
  } else {
    while (true) {
      if (body_[*at] != '"') [[unlikely]]
        return Malformed("key expected", at);
      KeyField* field = nullptr;
      if (next < column.fields.size() && KeyIs(body_ + *at + 1, *column.fields[next])) [[likely]] {
        field = column.fields[next].get();
      } else {
        field = FindField(column, at, next);
        if (!field && outcome_ == Outcome::kMalformed) return nullptr;
      }
      if (body_[at[1]] != ':') [[unlikely]]
        return Malformed("colon expected", at + 1);
      const uint8_t first = body_[at[2]];
      any |= first != 'n';
      if (field) [[likely]] {
        ++next;
        if (field->instance == instance) [[unlikely]] {
          ++counters_.duplicate_keys;
          for (auto& child : field->columns) child->Truncate(row);
        }
        field->instance = instance;
        at = Member(column, *field, row, depth + 1, at + 2);
        if (!at) [[unlikely]] {
          path_.push_back(field);
          return nullptr;
        }
      } else {
        at = UnknownKey(column, row, depth + 1, at, instance);
        if (!at) return nullptr;
      }
      const uint8_t c = body_[*at];
      ++at;
      if (c == ',') [[likely]]
        continue;
      if (c == '}') break;
      return Malformed("comma or } expected", at - 1);
    }
  }
  if (column.empty_leaf && !any && !column.empty_leaf->AppendFixed<uint8_t>(row, 1)) return Exhausted(at);
  if (depth > 0 && !column.AppendPresent(row)) return Exhausted(at);
  return at;
}

// Looks a key up that was not the expected one. Null with kMalformed: a broken key; null otherwise: unknown.
KeyField* Decoder::FindField(Column& column, const uint32_t* at, size_t& next) {
  outcome_ = Outcome::kMisfit;
  std::string_view key = TokenText(body_, at);
  if (key.size() < 2 || key.back() != '"') {
    Malformed("string without closing quote", at);
    return nullptr;
  }
  key = key.substr(1, key.size() - 2);
  if (key.find('\\') != std::string_view::npos) {
    text_.resize(key.size());
    size_t size = 0;
    const Unescape result = UnescapeTo(key, text_.data(), size);
    if (result != Unescape::kOk) {
      Malformed(UnescapeText(result), at);
      return nullptr;
    }
    key = std::string_view(text_).substr(0, size);
  }
  const int64_t found = column.FindKey(key);
  if (found < 0) return nullptr;
  next = static_cast<size_t>(found);
  return column.fields[next].get();
}

// `at`: the value of a known key.
const uint32_t* Decoder::Member(Column& owner, KeyField& field, int64_t row, int depth, const uint32_t* at) {
  const uint8_t* value = body_ + *at;
  if (*value == 'n') {  // null and missing are the same
    if (std::memcmp(value, "null", 4) != 0 || !(EndsScalar(value[4]))) return Malformed("literal null expected", at);
    return at + 1;
  }
  const uint32_t* after = Into(*field.columns[0], row, depth, at);
  if (after) [[likely]]
    return after;
  if (outcome_ != Outcome::kMisfit) return nullptr;
  if (evolution_ == Evolution::kGuess) return MisfitOfGuess(field, row, at);
  return Misfit(owner, field, row, depth, at);
}

// Appends the value to one column. Null with kMisfit: it is of another type; the column may have to be truncated.
const uint32_t* Decoder::Into(Column& column, int64_t row, int depth, const uint32_t* at) {
  const uint8_t first = body_[*at];
  switch (column.kind) {
    case Kind::kLong:
      return Long(column, row, at);
    case Kind::kDouble:
    case Kind::kInt:
    case Kind::kFloat:
    case Kind::kDecimal:
      return NumberInto(column, row, at);
    case Kind::kString:
      return StringInto(column, row, at);
    case Kind::kDate:
    case Kind::kTime:
    case Kind::kTimestamp:
    case Kind::kTimestampTz:
      return TimeInto(column, row, at);
    case Kind::kBool: {
      const uint8_t* text = body_ + *at;
      const bool is_true = std::memcmp(text, "true", 4) == 0 && EndsScalar(text[4]);
      if (!is_true && (std::memcmp(text, "false", 5) != 0 || !EndsScalar(text[5]))) return HintedInto(column, row, at);
      return column.AppendFixed<uint8_t>(row, is_true) ? at + 1 : Exhausted(at);
    }
    case Kind::kStruct:
      return first == '{' ? Struct(column, row, depth, at) : Mismatch(at);
    case Kind::kList:
      return first == '[' ? List(column, row, depth, at) : Mismatch(at);
    case Kind::kMap:
      return first == '{' ? Map(column, row, depth, at) : Mismatch(at);
    case Kind::kJson:
      return JsonInto(column, row, at);
    case Kind::kMasked:
      return MaskedInto(column, row, at);
    case Kind::kUuid:
      return UuidInto(column, row, at);
    case Kind::kTimestampNs:
    case Kind::kTimestampTzNs:
      return NanosInto(column, row, at);
    case Kind::kBinary:
    case Kind::kFixed:
      return BytesInto(column, row, at);
    case Kind::kOther:
      return Mismatch(at);
  }
  return Mismatch(at);
}

const uint32_t* Decoder::List(Column& column, int64_t row, int depth, const uint32_t* at) {
  if (!column.BeginList(row)) return Exhausted(at);
  Column& element = *column.element();
  ++at;
  if (body_[*at] == ']') return column.CommitList(row) ? at + 1 : Exhausted(at);
  while (true) {
    at = Element(column, element, depth + 1, at);
    if (!at) return nullptr;
    const uint8_t c = body_[*at];
    ++at;
    if (c == ',') continue;
    if (c == ']') break;
    return Malformed("comma or ] expected", at - 1);
  }
  return column.CommitList(row) ? at : Exhausted(at);
}

// One element of a list or value of a map. Elements have no siblings: what fits none makes the whole list a misfit.
const uint32_t* Decoder::Element(Column& list, Column& element, int depth, const uint32_t* at) {
  const uint8_t* value = body_ + *at;
  if (*value == 'n') {
    if (std::memcmp(value, "null", 4) != 0 || !(EndsScalar(value[4]))) return Malformed("literal null expected", at);
    ++list.child_length;
    return at + 1;
  }
  const uint32_t* after = Into(element, list.child_length, depth, at);
  Number number;
  if (!after && outcome_ == Outcome::kMisfit && context_.contract.types == ContractMode::kEvolve &&
      CanPromote(*list.fields[0], at, number)) {
    if (evolution_ != Evolution::kEvolve) return Fail(Outcome::kStop, "", at);
    if (!ValidateRecord()) return nullptr;
    element.Truncate(list.child_length);
    if (!Promote(*list.fields[0], number)) return Exhausted(at);
    after = Into(element, list.child_length, depth, at);
  }
  list.child_length += after != nullptr;
  return after;
}

const uint32_t* Decoder::Map(Column& column, int64_t row, int depth, const uint32_t* at) {
  if (!column.BeginList(row)) return Exhausted(at);
  ++at;
  if (body_[*at] == '}') return column.CommitList(row) ? at + 1 : Exhausted(at);
  const int64_t first = column.child_length;
  while (true) {
    if (body_[*at] != '"') return Malformed("key expected", at);
    if (body_[at[1]] != ':') return Malformed("colon expected", at + 1);
    if (!StringInto(*column.map_keys, column.child_length, at)) return nullptr;
    at = Element(column, *column.element(), depth + 1, at + 2);
    if (!at) return nullptr;
    const uint8_t c = body_[*at];
    ++at;
    if (c == ',') continue;
    if (c == '}') break;
    return Malformed("comma or } expected", at - 1);
  }
  if (column.child_length - first > 1 && MapHasDuplicate(column, first)) {
    return Fail(Outcome::kQuarantine, "duplicate key in a map", at - 1);
  }
  return column.CommitList(row) ? at : Exhausted(at);
}

bool Decoder::MapHasDuplicate(const Column& column, int64_t first) const {
  std::unordered_set<std::string_view> seen;
  const Column& keys = *column.map_keys;
  const auto* ends = reinterpret_cast<const int32_t*>(keys.offsets.data());
  for (int64_t i = first; i < column.child_length; ++i) {
    const std::string_view key(reinterpret_cast<const char*>(keys.values.data()) + ends[i],
                               static_cast<size_t>(ends[i + 1] - ends[i]));
    if (!seen.insert(key).second) return true;
  }
  return false;
}

}  // namespace firn::format::json
