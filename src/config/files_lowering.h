#pragma once

#include <string>

#include "config/files_config.h"
#include "config/lowering.h"

namespace firn::config {

/// `source`: a checked source of `type: files` at `path`. Errors: E0470, E0497.
FilesSourceConfig LowerFilesSource(const ObjectView& source, const std::string& path, const LoweringContext& context);
/// Reads what a table of such a source says of its files; its disposition is there already. Errors: E0497.
void LowerFiles(const ObjectView& table, const LoweringContext& context, TableConfig* out);
/// Judges that the keys of the table at `path` belong to its type of source ("rest"). Errors: E0208.
void JudgeFieldsOfSource(const ObjectView& table, const std::string& path, std::string_view source,
                         const LoweringContext& context);

}  // namespace firn::config
