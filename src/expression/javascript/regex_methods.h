#pragma once

#include <vector>

#include "expression/javascript/builtins.h"

/// What methods of strings and of regular expressions share. Private to this folder.
namespace firn::expression::javascript {

/// All matches from left to right, as the flag g wants it. Errors: E0624.
Result<std::vector<Regex::Groups>> AllMatches(const Call& call, const RegexObject& regex, const Value& text);
/// The places where split() cuts. `text` is not empty.
Result<std::vector<Regex::Groups>> SplitMatches(const Call& call, const RegexObject& regex, const Value& text);

/// The texts of all groups; undefined where one took no part.
List GroupTexts(const std::u16string& text, const Regex::Groups& groups);
/// Named groups as an object. `texts`: as GroupTexts gives them.
Value NamedGroups(const RegexObject& regex, const List& texts);
/// What exec() returns: an array of the groups with index, input and groups.
Result<Value> MatchValue(const Call& call, const RegexObject& regex, const Value& text, const Regex::Groups& groups);

}  // namespace firn::expression::javascript
