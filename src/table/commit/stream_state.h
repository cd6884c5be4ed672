#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"
#include "io/file_store.h"
#include "table/commit/stream_token.h"

/// The state of a stream: JSON text, opaque here; inline in the token when small, else a blob beside the metadata.
namespace firn::table {

inline constexpr int64_t kStateInlineBytesMax = 4096;
inline constexpr int64_t kStateBytesMax = int64_t{256} << 20;

/// Returns the version that `state_json` has as the successor of `from`.
StateVersion NextVersion(const StateVersion& from, std::string_view state_json);

/// Puts `state_json` into the token: inline, or durably into
/// `<location>/metadata/firn-state/<sequence>-<run>-<hash>.json`. `token.to` and `token.run` must be set. A blob is
/// never removed by an abort. Errors: those of FileStore::WriteAtomic.
Status SaveState(io::FileStore& files, const std::string& table_location, std::string_view state_json,
                 StreamToken& token);

/// Returns the state's JSON text. Errors: kConfig if the blob is missing or its hash is another, naming what to do.
Result<std::string> LoadState(io::FileStore& files, const StreamToken& token);

}  // namespace firn::table
