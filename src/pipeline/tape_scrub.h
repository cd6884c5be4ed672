#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "config/project.h"
#include "io/exchange_tape.h"

/// Takes secrets and personal data out of what was recorded, before any of it is written. Pure, but for the process's
/// redactor.
namespace firn::pipeline {

struct ScrubRules {
  std::vector<std::string> personal;         // source paths of columns declared `pii`
  std::vector<std::string> plain;            // values that may stand on the tape, although the redactor knows them
  std::vector<std::string> configured = {};  // texts of the configuration: what stands in them stays as it is
  std::string key;                           // secret, never on the tape: equal values get equal substitutes by it
};

/// The columns of a pipeline that are declared `pii` or masked when written.
std::vector<std::string> PersonalPathsOf(const config::PipelineConfig& pipeline);

/// Returns the exchanges as a tape may have them:
///   - values that the redactor knows are "***" in URLs, headers and bodies, and so are members of answers that hold
///     tokens (access_token, refresh_token, id_token …);
///   - values of query parameters that are named like tokens get substitutes, wherever the URL of an answer stands;
///   - of headers those that paging and formats need stay; credentials, cookies and dates never do;
///   - in JSON, one value or one per line, values below personal paths, wherever such a path ends in the body, and
///     values that look personal get substitutes of their shape and type: digits stay digits, letters letters, dates
///     dates. The same value gets the same substitute in all exchanges, also in URLs, so that requests made of answers
///     are found again;
///   - answers that only made firn ask again (429, 5xx) are left out.
/// Errors: kConfig E0742 for a body that cannot be read, while a column is personal.
Result<std::vector<io::Exchange>> ScrubExchanges(std::vector<io::Exchange> recorded, const ScrubRules& rules);

/// Returns the substitute of a personal value: of the same shape, the same for the same key.
std::string SubstituteOf(const std::string& value, const std::string& key);

}  // namespace firn::pipeline
