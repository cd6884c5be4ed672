#include "format/json/shape.h"

#include <algorithm>

#include "format/json/cell_text.h"
#include "format/json/number_parse.h"
#include "format/json/string_parse.h"
#include "format/json/structural_index.h"
#include "format/json/structural_walker.h"
#include "format/json/time_parse.h"

namespace firn::format::json {
namespace {

constexpr uint64_t kDoubleIntegerMax = 1ULL << 53;

// Walks values and notes their kinds. Well-formed input only.
class Adder {
 public:
  // `containers`: how many of the levels above the first value may be lists or maps.
  Adder(const ShapeInput& input, int containers) : in_(input), containers_(containers) {}

  const uint32_t* Value(Shape& shape, const uint32_t* at, const MaskTree* masks, const HintTree* hints, int depth) {
    const uint8_t c = in_.body[*at];
    if (c == 'n') return at + 1;
    if (masks && masks->masks_value()) {
      if (!masks->is_null_mask()) shape.strings.Note(Here(at));
      return Skip(at);
    }
    const ColumnHint* hint = hints ? hints->hint() : nullptr;
    if (hint && (hint->type || hint->as_json)) return Skip(at);
    if ((c == '{' || c == '[') && (depth >= kColumnDepthMax || depth + containers_ >= kParquetDepthMax)) {
      shape.deep.Note(Here(at));
      return Skip(at);
    }
    switch (c) {
      case '{':
        shape.objects.Note(Here(at));
        return hint && hint->as_map ? MapMembers(shape, at, masks, hints, depth)
                                    : Members(shape, at, masks, hints, depth);
      case '[':
        shape.arrays.Note(Here(at));
        return Elements(shape, at, masks, hints, depth);
      case '"':
        AddString(shape, Inside(at), Here(at));
        return at + 1;
      case 't':
      case 'f':
        shape.bools.Note(Here(at));
        return at + 1;
      default:
        if (Number number; ParseNumber(TokenText(in_.body, at), number)) AddNumber(shape, number, Here(at));
        return at + 1;
    }
  }

  const uint32_t* Members(Shape& shape, const uint32_t* at, const MaskTree* masks, const HintTree* hints, int depth) {
    size_t expected = 0;
    for (++at; in_.body[*at] != '}';) {
      std::string_view key = Inside(at);
      const OrderKey here = Here(at);
      Shape* child = expected < shape.keys.size() && shape.keys[expected].first == key
                         ? shape.keys[expected].second.get()
                         : nullptr;
      if (!child || key.find('\\') != std::string_view::npos) child = Find(shape, key, expected);
      ++expected;
      if (child) {
        child->present.Note(here);
        at = Value(*child, at + 2, masks ? masks->Child(key) : nullptr, hints ? hints->Child(key) : nullptr, depth + 1);
      } else {
        at = Skip(at + 2);
      }
      if (in_.body[*at] == ',') ++at;
    }
    return at + 1;
  }

 private:
  OrderKey Here(const uint32_t* at) const { return {in_.ordinal, *at - in_.base}; }
  std::string_view Inside(const uint32_t* at) const {
    const std::string_view text = TokenText(in_.body, at);
    return text.substr(1, text.size() - 2);
  }
  const uint32_t* Skip(const uint32_t* at) {
    SyntaxFault fault;
    return SkipValue(in_.body, at, in_.end, Depth::kBracketsOnly, fault);
  }

  // Returns the shape of a key and sets `index` to its place; null for a key that has no UTF-8 form.
  Shape* Find(Shape& shape, std::string_view& key, size_t& index) {
    if (key.find('\\') != std::string_view::npos) {
      plain_.resize(key.size());
      size_t size = 0;
      if (UnescapeTo(key, plain_.data(), size) != Unescape::kOk) return nullptr;
      plain_.resize(size);
      key = plain_;
    }
    Shape& child = shape.Key(key);
    const auto found = shape.by_key.find(key);
    index = found->second;
    key = found->first;  // outlives plain_
    return &child;
  }

  const uint32_t* MapMembers(Shape& shape, const uint32_t* at, const MaskTree* masks, const HintTree* hints,
                             int depth) {
    if (!shape.map_value) shape.map_value = std::make_unique<Shape>();
    ++containers_;
    for (++at; in_.body[*at] != '}';) {
      at = Value(*shape.map_value, at + 2, masks, WithoutOwn(hints), depth + 1);
      if (in_.body[*at] == ',') ++at;
    }
    --containers_;
    return at + 1;
  }

  const uint32_t* Elements(Shape& shape, const uint32_t* at, const MaskTree* masks, const HintTree* hints, int depth) {
    if (!shape.element) shape.element = std::make_unique<Shape>();
    ++containers_;
    for (++at; in_.body[*at] != ']';) {
      at = Value(*shape.element, at, masks, hints, depth + 1);
      if (in_.body[*at] == ',') ++at;
    }
    --containers_;
    return at + 1;
  }

  // A map's own declaration does not hold for its values.
  static const HintTree* WithoutOwn(const HintTree*) { return nullptr; }

  const ShapeInput& in_;
  int containers_;
  std::string plain_;
};

}  // namespace

void AddNumber(Shape& shape, const Number& number, OrderKey at) {
  const bool fits_long = ToInt64(number).has_value();
  if (!number.is_integer) {
    shape.fractions.Note(at);
    if (ToExactDouble(number)) {
      ++shape.exact_doubles;
      return;
    }
    ++shape.other_fractions;
    const DecimalDigits digits = ToDigits(number);
    const int64_t too_many = 1000;  // no decimal holds it
    shape.fraction_integer_digits =
        std::max(shape.fraction_integer_digits, digits.fits ? digits.integer_digits() : too_many);
    shape.fraction_digits = std::max(shape.fraction_digits, digits.fits ? digits.fraction_digits() : too_many);
    return;
  }
  shape.integers.Note(at);
  shape.integers_in_long = shape.integers_in_long && fits_long;
  shape.integers_in_double = shape.integers_in_double && number.exact && number.mantissa <= kDoubleIntegerMax;
  const DecimalDigits digits = ToDigits(number);
  if (!digits.fits || digits.integer_digits() > 38) {
    ++shape.huge_integers;
  } else {
    shape.integer_digits = std::max(shape.integer_digits, static_cast<int32_t>(digits.integer_digits()));
  }
}

void AddString(Shape& shape, std::string_view inside, OrderKey at) {
  shape.strings.Note(at);
  shape.all_dates = shape.all_dates && ParseDate(inside);
  if (!shape.all_timestamps && !shape.all_timestamps_tz) return;
  const auto parsed = ParseTimestampText(inside);
  shape.all_timestamps = shape.all_timestamps && parsed && !parsed->has_offset;
  shape.all_timestamps_tz = shape.all_timestamps_tz && parsed && parsed->has_offset;
}

Shape& Shape::Key(std::string_view key) {
  const auto found = by_key.find(key);
  if (found != by_key.end()) return *keys[found->second].second;
  // The index holds views of the keys, which a growing vector would move if they are short: so it is built anew then.
  const bool moves = keys.size() == keys.capacity();
  keys.emplace_back(std::string(key), std::make_unique<Shape>());
  if (moves) {
    by_key.clear();
    for (uint32_t i = 0; i < keys.size(); ++i) by_key.emplace(keys[i].first, i);
  } else {
    by_key.emplace(keys.back().first, static_cast<uint32_t>(keys.size() - 1));
  }
  return *keys.back().second;
}

bool AddRecord(Shape& root, const Page& page, uint32_t record, uint64_t ordinal, const TypingContext& context) {
  if (page.cells() != nullptr) return AddCells(root, *page.cells(), record, ordinal, context);
  const auto* body = reinterpret_cast<const uint8_t*>(page.body().data());
  const uint32_t* end = page.index().offsets().data() + page.index().offsets().size();
  const Page::Span span = page.record(record);
  const uint32_t* at = page.index().LowerBound(span.begin);
  if (at == end || *at != span.begin || body[*at] != '{') return false;
  SyntaxFault fault;
  const uint32_t* after = SkipValue(body, at, end, Depth::kFull, fault);
  if (!after || after[-1] + 1 != span.end) return false;
  root.present.Note({ordinal, 0});
  Adder({body, end, ordinal, span.begin}, 0).Members(root, at, context.masks.get(), &context.hints, 0);
  return true;
}

const uint32_t* AddValue(Shape& shape, const ShapeInput& input, const uint32_t* at, const MaskTree* masks,
                         const HintTree* hints, int depth) {
  return Adder(input, depth).Value(shape, at, masks, hints, depth);
}

}  // namespace firn::format::json
