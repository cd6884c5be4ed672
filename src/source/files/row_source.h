#pragma once

#include <memory>
#include <string>

#include "base/status.h"
#include "source/file_input.h"
#include "source/files/source.h"
#include "source/row_cutter.h"

namespace firn::source::files {

/// What a file holds: as the table says, else by its name, else by its first bytes (unpacked).
/// Errors: kBadData E0883 naming what it seems to be.
Result<config::FileFormat> FormatOf(const config::FilesConfig& files, const std::string& path,
                                    std::string_view first_bytes);

/// As UnpackedInput::SkipTo, by the line ends that the mark knows.
Result<UnpackedInput::Skipped> SkipTo(UnpackedInput& input, Mark* mark);

}  // namespace firn::source::files
