#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/status.h"
#include "source/airbyte/values.h"

/// Paths into values as the Python package dpath reads them: a step is a key or a list index, `*`, `?` and `[…]` match
/// like shell patterns, `**` any number of steps; a negative index counts from the end of a list.
namespace firn::source::airbyte {

using Path = std::vector<std::string>;

/// Shell pattern match (fnmatch with case).
bool MatchesGlob(std::string_view text, std::string_view pattern);
/// True if a step holds a pattern character.
bool IsGlob(std::string_view step);
/// All values the path leads to, in reading order.
std::vector<Value> ValuesAt(const Value& root, const Path& path);
/// The one value the path leads to; undefined if there is none.
Value ValueAt(const Value& root, const Path& path);
/// Sets the value at a path of plain steps, making maps on the way, and lists where the next step is a number; a list
/// grows to the index it needs. A scalar on the way is left alone (nothing is set).
Value WithValueAt(const Value& root, const Path& path, size_t depth, Value value);
/// Removes what the path leads to; in a list the item becomes null unless it is the last.
Value WithoutPath(const Value& root, const Path& path);
/// Removes every value at any depth that is neither map nor list and that `drop` picks; in a list it becomes null
/// unless it is the last. Errors: those of `drop`.
Result<Value> WithoutLeaves(const Value& root, const std::function<Result<bool>(const Value&)>& drop);

}  // namespace firn::source::airbyte
