#pragma once

#include "expression/javascript/builtins.h"

/// Methods of strings that take a string or a regular expression. Private to this folder.
namespace firn::expression::javascript::text {

Result<Value> Match(const Call& call);
Result<Value> MatchAll(const Call& call);
Result<Value> Replace(const Call& call);
Result<Value> ReplaceAll(const Call& call);
Result<Value> Search(const Call& call);
Result<Value> Split(const Call& call);

}  // namespace firn::expression::javascript::text
