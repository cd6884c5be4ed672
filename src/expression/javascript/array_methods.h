#pragma once

#include "expression/javascript/builtins.h"

/// Methods of arrays that call a function with (item, index, array). Private to this folder.
namespace firn::expression::javascript::array {

Result<Value> Every(const Call& call);
Result<Value> Filter(const Call& call);
Result<Value> Find(const Call& call);
Result<Value> FindIndex(const Call& call);
Result<Value> FindLast(const Call& call);
Result<Value> FindLastIndex(const Call& call);
Result<Value> FlatMap(const Call& call);
Result<Value> Map(const Call& call);
Result<Value> Reduce(const Call& call);
Result<Value> ReduceRight(const Call& call);
Result<Value> Some(const Call& call);
/// Stable; without a function by text, undefined last.
Result<Value> Sort(const Call& call);

}  // namespace firn::expression::javascript::array
