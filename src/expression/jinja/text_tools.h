#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "expression/jinja/evaluator.h"

/// What methods of str and filters share.
namespace firn::expression::jinja {

/// Without `characters`: whitespace.
std::string StripText(std::string_view text, std::optional<std::string_view> characters, bool left, bool right);

/// str.split and str.rsplit. Without a separator: at runs of whitespace. `most` < 0: everywhere. Views of `text`.
std::vector<std::string_view> SplitText(std::string_view text, std::optional<std::string_view> separator, int64_t most,
                                        bool from_right);
std::vector<std::string> SplitLines(std::string_view text, bool keep_ends);

/// str.replace. Errors: the limits of the evaluation.
Result<Value> ReplaceText(const Call& call, std::string_view text, std::string_view from, std::string_view to,
                          int64_t most);

std::string CapitalizeText(std::string_view text);
bool IsLowerText(std::string_view text);
bool IsUpperText(std::string_view text);

}  // namespace firn::expression::jinja
