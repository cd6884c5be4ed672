#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/status.h"
#include "connector/plan.h"

namespace firn::source::rest {

/// A cursor value as the source wrote it, and how it compares: numbers, and strings of digits with an optional sign,
/// numerically and exactly ("0009" is 9); times as instants (with all their fraction digits, or as .NET writes them);
/// other strings bytewise, if they have one form (length, marks, letter case), else they have no order that is sure to
/// be the API's.
struct CursorValue {
  enum class Kind { kNumber, kInstant, kText };
  std::string json;  // the raw JSON text, as kept in positions
  Kind kind = Kind::kText;
  std::string text;      // the plain text as written: of kNumber its digits, of kText the unescaped string
  int64_t seconds = 0;   // kInstant: since 1970, floored
  std::string fraction;  // kInstant: digits of the fraction of a second without trailing zeros
};

/// Reads a captured cursor. nullopt: null, or broken JSON, of which the decoder says more. Strings in the plan's format
/// are instants; strings of digits are numbers unless a pattern is declared. Errors: kBadData E0437 for booleans,
/// lists, objects, and text that is not in a declared format.
Result<std::optional<CursorValue>> ReadCursor(std::string_view json, const connector::IncrementalPlan& plan);

/// -1, 0 or 1. Errors: kBadData E0437 if one is a time and the other a number, and the like; and for texts whose order
/// depends on the API's collation ("a-9" and "a-10", "b" and "B").
Result<int> CompareCursors(const CursorValue& a, const CursorValue& b, const connector::IncrementalPlan& plan);

/// Returns the moment a cursor stands for: instants, and numbers of an epoch format; else nullopt.
std::optional<Timestamp> InstantOf(const CursorValue& value, const connector::IncrementalPlan& plan);

/// Reads the declared start or --from/--to ("2024-01-01", "1704067200", any text) as a cursor.
Result<CursorValue> ReadBound(const std::string& text, const connector::IncrementalPlan& plan);

/// Returns the text of a lower bound for a request: the cursor as the source wrote it, if no lookback is to be taken
/// off and its form is that of the requests already; else the instant minus `lookback` in the plan's format. Errors:
/// kConfig E0437 if a lookback was asked of a cursor that is no time.
Result<std::string> FormatBound(const CursorValue& value, int64_t lookback_micros,
                                const connector::IncrementalPlan& plan);

/// Returns the text of a moment in the plan's format.
Result<std::string> FormatInstant(Timestamp time, const connector::IncrementalPlan& plan);

}  // namespace firn::source::rest
