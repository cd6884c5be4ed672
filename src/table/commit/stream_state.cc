#include "table/commit/stream_state.h"

#include <nlohmann/json.hpp>

#include "base/hash.h"
#include "table/commit/snapshot_builder.h"

namespace firn::table {
namespace {

Status StateLost(const StreamToken& token, std::string_view why) {
  return MakeError(Fault::kConfig, "state of the stream is lost: " + std::string(why) + ": " + token.state_file,
                   {.code = "E0902",
                    .state = "the table's rows are complete, only the position to go on from is missing",
                    .next = "restore the file, or firn state reset"});
}

}  // namespace

StateVersion NextVersion(const StateVersion& from, std::string_view state_json) {
  return {.sequence = from.sequence + 1, .hash = Sha256Hex(state_json)};
}

Status SaveState(io::FileStore& files, const std::string& table_location, std::string_view state_json,
                 StreamToken& token) {
  token.state.clear();
  token.state_file.clear();
  const bool is_json = !nlohmann::json::parse(state_json, nullptr, false).is_discarded();
  if (static_cast<int64_t>(state_json.size()) <= kStateInlineBytesMax && is_json) {
    token.state = std::string(state_json);
    return Status::OK();
  }
  const std::string location = MetadataFolder(table_location) + "/firn-state/" + std::to_string(token.to.sequence) +
                               "-" + token.run + "-" + token.to.hash + ".json";
  ARROW_RETURN_NOT_OK(files.WriteAtomic(location, state_json));
  token.state_file = location;
  return Status::OK();
}

Result<std::string> LoadState(io::FileStore& files, const StreamToken& token) {
  std::string state = token.state;
  if (!token.state_file.empty()) {
    const auto text = files.ReadText(token.state_file, kStateBytesMax);
    if (!text.ok() && io::IsNotFound(text.status())) return StateLost(token, "no such file");
    ARROW_RETURN_NOT_OK(text.status());
    state = *text;
  }
  if (!(state.empty() && token.to.hash.empty()) && Sha256Hex(state) != token.to.hash) {
    return StateLost(token, "content does not match its hash");
  }
  return state;
}

}  // namespace firn::table
