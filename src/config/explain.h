#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/status.h"

namespace firn::config {

/// What `firn explain E####` prints.
struct Explanation {
  std::string_view code;
  std::string_view title;
  std::string_view text;     // why it is an error, what to do
  std::string_view example;  // YAML that avoids it; may be empty
};

/// Returns all explanations, by code. E01xx reading, E02xx shape, E03xx values from outside, E04xx meaning.
std::span<const Explanation> Explanations();
/// Returns the explanation of a code ("E0201", "e0201", "201"), or null.
const Explanation* FindExplanation(std::string_view code);
/// Returns the page for a person. Errors: kConfig if there is no such code.
Result<std::string> RenderExplanation(std::string_view code);

}  // namespace firn::config
