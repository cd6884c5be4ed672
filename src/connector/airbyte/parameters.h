#pragma once

#include "base/status.h"
#include "expression/value.h"

namespace firn::connector::airbyte {

/// Gives components without a "type" the one their place implies, and hands `$parameters` down: a component gets those
/// of its ancestors beside its own, takes each as a field if it has none of that name (or an empty one), and never
/// passes a parameter into a field of the same name. JSON schemas are left alone.
/// `parents_win`: of equal names the ancestors' value holds (streams made of a template).
expression::Value PropagateParameters(const expression::Value& manifest, bool parents_win = false);

}  // namespace firn::connector::airbyte
