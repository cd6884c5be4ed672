#include "source/kept_config.h"

#include <chrono>
#include <utility>

#include "base/hash.h"
#include "state/refresh_tokens.h"

namespace firn::source {

KeptConfig::KeptConfig(const state::RefreshTokens* kept, const std::string& pipeline, std::string written)
    : kept_(kept),
      written_(std::move(written)),
      name_("program-" + Sha256Hex(pipeline + "\n" + written_).substr(0, 16)) {}

Result<std::string> KeptConfig::Get() const {
  if (kept_ == nullptr) return written_;
  ARROW_ASSIGN_OR_RAISE(const auto newest, kept_->Load(name_, written_));
  return newest.value_or(written_);
}

Status KeptConfig::Set(const std::string& config, std::stop_token stop) const {
  if (kept_ == nullptr) {
    return MakeError(Fault::kConfig, "the connector changed its configuration, and there is no place to keep it",
                     {.code = "E0655"});
  }
  ARROW_ASSIGN_OR_RAISE(const auto lock, kept_->Take(name_, std::chrono::seconds(30), stop));
  return kept_->Keep(name_, written_, config);
}

}  // namespace firn::source
