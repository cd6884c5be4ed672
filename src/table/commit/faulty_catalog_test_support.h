#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "catalog/catalog.h"

namespace firn::table::commit_testing {

using catalog::TableIdentifier;

/// Passes calls on and interferes with the n-th Commit.
class FaultyCatalog : public catalog::Catalog {
 public:
  enum class Mode {
    kNone,
    kAppliedThenUnknown,  // done, the answer was lost
    kUnknownNotApplied,   // not done, the answer was lost
    kUnknownAppliedLate,  // the answer was lost, done just before the next Commit
    kConflict,            // not done, says so
    kError,               // not done, says so as an error
  };
  FaultyCatalog(catalog::Catalog& inner, Mode mode, int at, int times = 1)
      : inner_(inner), mode_(mode), at_(at), times_(times) {}

  catalog::CatalogTraits traits() const override { return inner_.traits(); }
  Result<std::vector<std::vector<std::string>>> ListNamespaces() override { return inner_.ListNamespaces(); }
  Status CreateNamespace(const std::vector<std::string>& ns) override { return inner_.CreateNamespace(ns); }
  Result<std::vector<TableIdentifier>> ListTables(const std::vector<std::string>& ns) override {
    return inner_.ListTables(ns);
  }
  Result<std::optional<catalog::LoadedTable>> LoadTable(const TableIdentifier& identifier) override {
    if (num_load_failures_ > 0) {
      --num_load_failures_;
      return MakeError(Fault::kTransient, "injected: catalog does not answer");
    }
    if (before_load) before_load();
    return inner_.LoadTable(identifier);
  }
  Result<catalog::CommitResult> Commit(std::span<const catalog::TableCommit> commits, std::stop_token stop) override {
    using catalog::CommitOutcome;
    ++num_commits_;
    if (late_) {
      const auto late = std::exchange(late_, std::nullopt);
      ARROW_RETURN_NOT_OK(inner_.Commit(*late, {}).status());
    }
    if (before_commit) before_commit();
    if (num_commits_ < at_ || num_commits_ >= at_ + times_) return inner_.Commit(commits, stop);
    switch (mode_) {
      case Mode::kNone:
        break;
      case Mode::kAppliedThenUnknown: {
        ARROW_RETURN_NOT_OK(inner_.Commit(commits, stop).status());
        num_load_failures_ = load_failures;
        return catalog::CommitResult{.outcome = CommitOutcome::kUnknown, .reason = "injected"};
      }
      case Mode::kUnknownNotApplied:
        num_load_failures_ = load_failures;
        return catalog::CommitResult{.outcome = CommitOutcome::kUnknown, .reason = "injected"};
      case Mode::kUnknownAppliedLate:
        late_.emplace(commits.begin(), commits.end());
        return catalog::CommitResult{.outcome = CommitOutcome::kUnknown, .reason = "injected"};
      case Mode::kConflict:
        return catalog::CommitResult{.outcome = CommitOutcome::kConflict, .reason = "injected"};
      case Mode::kError:
        return MakeError(Fault::kTransient, "injected");
    }
    return inner_.Commit(commits, stop);
  }
  Status DropTable(const TableIdentifier& identifier) override { return inner_.DropTable(identifier); }
  Status RenameTable(const TableIdentifier& from, const TableIdentifier& to) override {
    return inner_.RenameTable(from, to);
  }
  std::string DefaultLocation(const TableIdentifier& identifier) const override {
    return inner_.DefaultLocation(identifier);
  }

  std::function<void()> before_load;    // what others do in between
  std::function<void()> before_commit;  // between the judgement and the swap
  int load_failures = 2;                // looks that fail after an unknown outcome
  int num_commits() const { return num_commits_; }

 private:
  catalog::Catalog& inner_;
  const Mode mode_;
  const int at_;
  const int times_;
  int num_commits_ = 0;
  int num_load_failures_ = 0;
  std::optional<std::vector<catalog::TableCommit>> late_;
};

}  // namespace firn::table::commit_testing
