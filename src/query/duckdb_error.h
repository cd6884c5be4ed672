#pragma once

#include <string_view>

#include "base/status.h"

/// Translates DuckDB's messages, once for the whole project.
namespace firn::query {

/// Of preparing: "Parser Error: …" and the like → E0707, an unknown column → E0705, a refused file or setting → E0702.
Status TranslatePrepareError(std::string_view message);
/// Of running: kConfig E0708; kBadData for a file DuckDB cannot read.
Status TranslateRunError(std::string_view message);
/// E0702: the statement would change something.
Status NotReading();
/// E0707: the statement has parameters (?, $1).
Status NoParameters();
/// The column an E0705 error is about; empty if it does not say.
std::string_view UnknownColumn(std::string_view message);

}  // namespace firn::query
