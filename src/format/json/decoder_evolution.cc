// The part of Decoder for values that fit no column of their key, and for keys that have none.
#include <algorithm>

#include "format/json/decoder.h"
#include "format/json/string_parse.h"

namespace firn::format::json {
namespace {

// Keys that one object below the top level may gain after its types were decided; then it is a map in disguise and
// goes to `__json` as a whole.
constexpr int32_t kAddedKeysMax = kMapKeysMin;

bool IsNumber(uint8_t first) {
  return first == '-' || IsDigit(first);
}

// True if the number can only be kept as text: no type holds it, or the decimal sibling has another scale.
bool NeedsText(const KeyField& field, const Number& number) {
  const DecimalDigits digits = ToDigits(number);
  const bool in_decimal = digits.fits && digits.integer_digits() + digits.fraction_digits() <= 38;
  if (number.is_integer ? in_decimal : in_decimal || ToExactDouble(number)) {
    for (const auto& column : field.columns) {
      int32_t precision = 0;
      if (column->kind == Kind::kDecimal && column->sibling && !ToDecimal(number, column->scale, precision))
        return true;
    }
    return false;
  }
  return true;
}

}  // namespace

// The value at `at` did not fit the key's first column.
const uint32_t* Decoder::Misfit(Column& owner, KeyField& field, int64_t row, int depth, const uint32_t* at) {
  for (size_t i = 0; i + 1 < field.columns.size(); ++i) {
    field.columns[i]->Truncate(row);
    path_.clear();
    const uint32_t* after = Into(*field.columns[i + 1], row, depth, at);
    if (after) ++counters_.sibling_values;
    if (after || outcome_ != Outcome::kMisfit) return after;
  }
  field.columns.back()->Truncate(row);
  path_.clear();
  const uint32_t* after = Skip(at);
  if (!after) return nullptr;
  if (body_[*at] == '[' && after == at + 2) {  // [] of unknown element type
    ++counters_.deferred_values;
    return after;
  }
  if (IsNumber(body_[*at])) {
    if (const uint32_t* done = AsText(field, row, at)) return done;
    if (outcome_ != Outcome::kMisfit) return nullptr;
  }
  if (context_.contract.types != ContractMode::kEvolve) {
    return ByContract(context_.contract.types, "the value does not fit the column's type", at, after);
  }
  if (evolution_ == Evolution::kFixed) return Fail(Outcome::kStop, "", at);
  if (!ValidateRecord()) return nullptr;
  Number number;
  if (CanPromote(field, at, number)) {
    if (!Promote(field, number)) return Exhausted(at);
    return Member(owner, field, row, depth, at);
  }
  if (&owner == root_.get() && std::ranges::find(context_.key_columns, field.key) != context_.key_columns.end()) {
    return Fail(Outcome::kDiscard, "the primary key has a value of another type", at);
  }
  Shape shape;
  const Column& first = *field.columns[0];
  const ShapeInput input{body_, end_, ordinal_, *record_at_};
  AddValue(shape, input, at, first.masks, nullptr, depth);
  Inference inference(context_);
  Inference::Place place{.masks = first.masks, .hints = nullptr, .depth = depth, .path = field.key};
  const bool is_number = IsNumber(body_[*at]) && ParseNumber(TokenText(body_, at), number);
  auto sibling = is_number && NeedsText(field, number) ? inference.TextSibling(owner, field, place)
                                                       : inference.ResolveSibling(owner, field, shape, place);
  if (!sibling) {
    ++counters_.deferred_values;
    return after;
  }
  if (leaves_ + LeafCount(*sibling) > context_.max_leaves) {
    return Fail(Outcome::kQuarantine, "the table has max_leaves columns", at);
  }
  leaves_ += LeafCount(*sibling);
  SetArena(*sibling, &arena_);
  field.columns.push_back(std::move(sibling));
  ++version_;
  const uint32_t* done = Into(*field.columns.back(), row, depth, at);
  if (done) ++counters_.sibling_values;
  if (done || outcome_ != Outcome::kMisfit) return done;
  if (IsNumber(body_[*at])) {
    if (const uint32_t* text = AsText(field, row, at)) return text;
  }
  return Fail(Outcome::kQuarantine, "the value fits no column", at);
}

// Only an empty list says nothing about types. Siblings are not tried: whether a value goes to one depends on all rows.
const uint32_t* Decoder::MisfitOfGuess(KeyField& field, int64_t row, const uint32_t* at) {
  const bool empty_list = body_[*at] == '[' && body_[at[1]] == ']';
  if (!empty_list || field.columns.size() != 1) return Fail(Outcome::kStop, "", at);
  field.columns[0]->Truncate(row);
  path_.clear();
  ++counters_.deferred_values;
  return at + 2;
}

// A key that inference has seen before without a type changes nothing as long as it stays without.
const uint32_t* Decoder::UnknownToGuess(const Column& owner, const uint32_t* key_at) {
  const uint32_t* at = key_at + 2;
  const bool empty_list = body_[*at] == '[' && body_[at[1]] == ']';
  const Result<std::string> key = UnescapeString(TokenText(body_, key_at));
  if (!key.ok() || !owner.deferred.contains(*key)) return Fail(Outcome::kStop, "", at);
  if (body_[*at] == 'n') return CheckScalar(TokenText(body_, at)) ? Malformed("literal null expected", at) : at + 1;
  const MaskTree* masks = &owner == root_.get() ? context_.masks.get() : owner.masks;
  masks = masks ? masks->Child(*key) : nullptr;
  if (masks && masks->is_null_mask()) return Skip(at);
  if (!empty_list) return Fail(Outcome::kStop, "", at);
  ++counters_.deferred_values;
  return at + 2;
}

// Numbers that no type holds go to the text sibling, if there is one already.
const uint32_t* Decoder::AsText(KeyField& field, int64_t row, const uint32_t* at) {
  outcome_ = Outcome::kMisfit;
  Number number;
  if (!ParseNumber(TokenText(body_, at), number) || !NeedsText(field, number)) return nullptr;
  for (auto& column : field.columns) {
    if (column->kind != Kind::kString || !column->sibling) continue;
    ++counters_.sibling_values;
    return column->AppendText(row, number.text) ? at + 1 : Exhausted(at);
  }
  return nullptr;
}

bool Decoder::CanPromote(KeyField& field, const uint32_t* at, Number& number) {
  return IsNumber(body_[*at]) && ParseNumber(TokenText(body_, at), number) && Promotable(field, number) != nullptr;
}

// The column that an Iceberg promotion makes fit the number, if there is one. Declared columns keep their type.
Column* Decoder::Promotable(KeyField& field, const Number& number) const {
  for (auto& column : field.columns) {
    if (column->hint) continue;
    int32_t precision = 0;
    if (column->kind == Kind::kInt && ToInt64(number)) return column.get();
    if (column->kind == Kind::kFloat && ToExactDouble(number)) return column.get();
    if (column->kind == Kind::kDecimal && ToDecimal(number, column->scale, precision)) return column.get();
  }
  return nullptr;
}

// One is promotable. False: out of memory.
bool Decoder::Promote(KeyField& field, const Number& number) {
  Column* column = Promotable(field, number);
  ++version_;
  if (column->kind != Kind::kDecimal) return column->Widen();
  ToDecimal(number, column->scale, column->precision);
  return true;
}

// `key_at`: a key that `owner` does not have. It is given a column at its first value whose type is known.
// `instance`: of the object, so that a second value of the key in it is known as a duplicate.
const uint32_t* Decoder::UnknownKey(Column& owner, int64_t row, int depth, const uint32_t* key_at, uint64_t instance) {
  if (evolution_ == Evolution::kGuess) return UnknownToGuess(owner, key_at);
  const uint32_t* at = key_at + 2;
  if (body_[*at] == 'n') return CheckScalar(TokenText(body_, at)) ? Malformed("literal null expected", at) : at + 1;
  const uint32_t* after = Skip(at);
  if (!after) return nullptr;
  if (body_[*at] == '[' && after == at + 2) {
    ++counters_.deferred_values;
    return after;
  }
  Result<std::string> key = UnescapeString(TokenText(body_, key_at));
  if (!key.ok()) return Malformed("key without UTF-8 form", key_at);
  const MaskTree* masks = &owner == root_.get() ? context_.masks.get() : owner.masks;
  masks = masks ? masks->Child(*key) : nullptr;
  if (masks && masks->is_null_mask()) return after;
  if (context_.contract.columns != ContractMode::kEvolve) {
    return ByContract(context_.contract.columns, "the table has no column for the key", at, after);
  }
  if (depth > 1 && owner.added_keys >= kAddedKeysMax) return Mismatch(at);
  if (evolution_ == Evolution::kFixed) return Fail(Outcome::kStop, "", at);
  if (!ValidateRecord()) return nullptr;
  const HintTree* hints = &owner == root_.get() ? &context_.hints : nullptr;
  Inference::Place place{.masks = masks, .hints = hints ? hints->Child(*key) : nullptr, .depth = depth, .path = *key};
  Shape shape;
  shape.present.Note({ordinal_, *key_at - *record_at_});
  AddValue(shape, {body_, end_, ordinal_, *record_at_}, at, place.masks, place.hints, depth);
  auto field = Inference(context_).ResolveField(owner, *key, shape, place);
  if (!field) {
    ++counters_.deferred_values;
    return after;
  }
  int64_t leaves = 0;
  for (const auto& column : field->columns) leaves += LeafCount(*column);
  if (leaves_ + leaves > context_.max_leaves) return Fail(Outcome::kQuarantine, "the table has max_leaves columns", at);
  leaves_ += leaves;
  ++owner.added_keys;
  ++version_;
  for (const auto& column : field->columns) SetArena(*column, &arena_);
  KeyField& added = owner.AddField(std::move(field));
  added.instance = instance;
  return Member(owner, added, row, depth, at);
}

// A record must be sound before it may change the table.
bool Decoder::ValidateRecord() {
  if (validated_) return true;
  const uint32_t* after = Skip(record_at_);
  if (after && after != RecordEnd()) after = Malformed("text behind the record", after);
  validated_ = after != nullptr;
  return validated_;
}

const uint32_t* Decoder::ByContract(ContractMode mode, const char* what, const uint32_t* at, const uint32_t* after) {
  if (mode == ContractMode::kDiscardValue) {
    ++counters_.discarded_values;
    return after;
  }
  if (mode == ContractMode::kDiscardRow) return Fail(Outcome::kDiscard, what, at);
  fatal_ = Frozen(what);
  return Fail(Outcome::kFatal, what, at);
}

Status Decoder::Frozen(const char* what) const {
  return MakeError(Fault::kContract,
                   std::string("schema_contract freeze: ") + what + ", record " + std::to_string(ordinal_ + 1),
                   {.code = "E0609", .next = "allow it with schema_contract: evolve, or discard_row or discard_value"});
}

// The keys on the way to the value that failed, outermost first.
std::string Decoder::PathHere() const {
  std::string path;
  for (auto field = path_.rbegin(); field != path_.rend(); ++field) {
    path += (path.empty() ? "" : ".") + (*field)->key;
  }
  return path;
}

}  // namespace firn::format::json
