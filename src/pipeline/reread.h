#pragma once

#include <optional>
#include <string>

#include "base/clock.h"
#include "base/status.h"
#include "config/table_config.h"
#include "pipeline/stream_document.h"
#include "schema/type.h"
#include "source/source.h"
#include "table/write/retire_scope.h"

/// Reconcile passes (docs/guide/deletes.md): when a run is one, and of which rows of the table it speaks. Pure.
namespace firn::pipeline {

/// True if a table can be read again by a pass: an incremental merge by key that is no child.
bool CanReread(const config::TableConfig& table);

/// When a pass is due by `reconcile` after the `last` one: at `now` if there was none; nullopt: the table has none.
std::optional<Timestamp> PassAfter(const config::TableConfig& table, std::optional<Timestamp> last, Timestamp now);

/// As PassAfter, of a table's positions; nullopt, too, if nothing was read yet.
std::optional<Timestamp> NextPass(const config::TableConfig& table, const StreamDocument& document, Timestamp now);

/// What a run of the table reads again; nullopt if it is no pass. `forced`: passes are due whatever the last one was.
std::optional<source::Reread> RereadOf(const config::TableConfig& table, const StreamDocument& document, bool forced,
                                       Timestamp now);

/// Of which rows a pass gives all: those whose cursor lies in what it reads.
struct PassScope {
  table::RetireScope scope;  // kNone, kAll or kRange
  std::string why_none;      // of kNone
};
/// `schema`: of the table. `now`: when the run began.
PassScope ScopeOfPass(const config::TableConfig& table, const source::Reread& reread, const schema::Schema& schema,
                      Timestamp now);

}  // namespace firn::pipeline
