#pragma once

#include <compare>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "format/json/number_parse.h"
#include "format/json/page.h"
#include "format/json/typing_context.h"

namespace firn::format::json {

/// Where something was seen first: row number, then offset inside the record. Independent of chunks.
struct OrderKey {
  uint64_t ordinal = std::numeric_limits<uint64_t>::max();
  uint32_t offset = std::numeric_limits<uint32_t>::max();
  friend auto operator<=>(const OrderKey&, const OrderKey&) = default;
};

struct Seen {
  uint64_t count = 0;
  OrderKey first;
  void Note(OrderKey at) {
    ++count;
    if (at < first) first = at;
  }
};

/// What values one path has had. Values may be added in any order and grouping, because everything here is a sum, a
/// minimum, a maximum or a conjunction.
struct Shape {
  Seen present;  // of the key, null included
  Seen bools, integers, fractions, strings, objects, arrays, deep;

  bool integers_in_double = true;  // every |v| <= 2^53
  bool integers_in_long = true;
  uint64_t huge_integers = 0;  // more than 38 digits
  int32_t integer_digits = 0;  // of those that are not huge

  uint64_t exact_doubles = 0;           // fractions that a double holds
  uint64_t other_fractions = 0;         // those it does not hold
  int64_t fraction_integer_digits = 0;  // of the others, as a decimal needs them
  int64_t fraction_digits = 0;

  bool of_cells = false;            // values were texts: they have one type together (cell_text.h)
  Seen empty_texts;                 // of cells: quoted, and nothing in them
  int64_t cell_integer_digits = 0;  // of all numbers of cells, as one decimal needs them
  int64_t cell_fraction_digits = 0;

  bool all_dates = true;  // of strings
  bool all_timestamps = true;
  bool all_timestamps_tz = true;

  std::vector<std::pair<std::string, std::unique_ptr<Shape>>> keys;
  std::unordered_map<std::string_view, uint32_t> by_key;
  std::unique_ptr<Shape> element;    // of arrays
  std::unique_ptr<Shape> map_value;  // of objects declared as map

  Shape& Key(std::string_view key);
};

void AddNumber(Shape& shape, const Number& number, OrderKey at);
void AddString(Shape& shape, std::string_view inside, OrderKey at);

/// Adds one record (an object) of a page to `root`. A record that is no object or not well-formed adds nothing and
/// false is returned. `at`: its entry in the index.
bool AddRecord(Shape& root, const Page& page, uint32_t record, uint64_t ordinal, const TypingContext& context);

/// Adds one value, known to be well-formed. `base`: the offset of its record. Returns the entry behind it.
struct ShapeInput {
  const uint8_t* body;
  const uint32_t* end;
  uint64_t ordinal;
  uint32_t base;
};
const uint32_t* AddValue(Shape& shape, const ShapeInput& input, const uint32_t* at, const MaskTree* masks,
                         const HintTree* hints, int depth);

}  // namespace firn::format::json
