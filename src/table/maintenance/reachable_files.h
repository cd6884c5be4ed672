#pragma once

#include <set>
#include <string>

#include "base/status.h"
#include "io/file_store.h"
#include "table/metadata/metadata.h"

namespace firn::table {

/// Returns everything that all snapshots of a table refer to, as written: manifest lists, manifests, live data and
/// delete files, statistics, states of streams. Not the metadata file itself, nor earlier ones. Errors: of reading;
/// IsNotFound if something is gone.
Result<std::set<std::string>> ReachableFiles(io::FileStore& files, const TableMetadata& metadata);

/// Adds the files that metadata names beside its snapshots' manifests: statistics, and states that are files of their
/// own. Errors: kBadData; those of ParseToken.
Status AddFilesBeside(const TableMetadata& metadata, std::set<std::string>* out);

}  // namespace firn::table
